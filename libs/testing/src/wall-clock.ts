/** Everything but the time of day goes on as it is. */
const REAL = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

/**
 * Runs work in a process whose wall clock is so many milliseconds ahead (behind: negative) of everybody else's, the database's among them,
 * and stands still. Timers and the monotonic clock stay right.
 */
export async function withWallClockAhead<Result>(ms: number, work: () => Promise<Result>): Promise<Result> {
  // Programs outside of Jest import this library too.
  const { jest } = await import('@jest/globals');
  jest.useFakeTimers({ now: Date.now() + ms, doNotFake: [...REAL] });
  try {
    return await work();
  } finally {
    jest.useRealTimers();
  }
}
