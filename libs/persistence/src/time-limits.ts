/** Maximum duration of a statement, in ms. It equals the 5 s that a caller waits: less would fail too early, more would serve no caller. */
export const STATEMENT_TIMEOUT_MS = 5_000;
/** Maximum wait for a new connection or a free one in the pool, in ms. */
export const CONNECTION_TIMEOUT_MS = 5_000;
