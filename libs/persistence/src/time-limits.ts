/** Longest time a statement may run, in milliseconds. Shorter than the 5 s a caller waits makes no sense, longer helps nobody. */
export const STATEMENT_TIMEOUT_MS = 5_000;
/** Longest wait for a connection: to be made, or to become free in the pool. */
export const CONNECTION_TIMEOUT_MS = 5_000;
