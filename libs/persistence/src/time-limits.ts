/** Maximum duration of a statement, in ms. It equals the 5 s that a caller waits: less would fail too early, more would serve no caller. */
export const STATEMENT_TIMEOUT_MS = 5_000;
/** Maximum wait for a new connection or a free one in the pool, in ms. */
export const CONNECTION_TIMEOUT_MS = 5_000;
/**
 * Maximum duration of a statement of a search or a filtered list, in ms. At a million orders and 100,000 products such a statement is to take
 * at most 10 ms (`npm run bench -- scale`). Fifty times as long is enough on a busy machine. A statement that takes longer reads what it should not, and must not hold a
 * connection that orders need.
 */
export const SEARCH_TIMEOUT_MS = 500;
