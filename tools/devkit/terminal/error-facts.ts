/** `code` of a system error such as `ENOENT`. Not by `instanceof`: errors of Node itself are of another realm inside Jest. */
export function errorCode(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** First line of what went wrong, of the cause when there is one: fetch itself says only that it failed. */
export function errorReason(error: unknown): string {
  const cause = typeof error === 'object' && error !== null && 'cause' in error ? error.cause : undefined;
  const told = typeof cause === 'object' && cause !== null ? cause : error;
  const message = typeof told === 'object' && told !== null && 'message' in told ? told.message : told;
  return String(message).split('\n')[0] ?? '';
}
