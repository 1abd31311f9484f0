/** Asks whether a session can write: not on a standby, and not where `default_transaction_read_only` is on. */
export const IS_WRITABLE = "SELECT current_setting('transaction_read_only') = 'off' AS writable";

/** Its answer. */
export interface Writable {
  readonly writable: boolean;
}
