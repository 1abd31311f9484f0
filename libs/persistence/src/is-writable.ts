/** Query whether a session can write. It cannot on a standby or with `default_transaction_read_only`. */
export const IS_WRITABLE = "SELECT current_setting('transaction_read_only') = 'off' AS writable";

/** Row of `IS_WRITABLE`. */
export interface Writable {
  readonly writable: boolean;
}
