/** Timers and clocks that stay real; only the time of day is faked. */
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
 * Runs work with a stopped wall clock that is `ms` milliseconds ahead of all other clocks (negative: behind), including the database's.
 * Timers and the monotonic clock stay correct.
 */
export async function withWallClockAhead<Result>(ms: number, work: () => Promise<Result>): Promise<Result> {
  // Programs outside Jest import this library too.
  const { jest } = await import('@jest/globals');
  jest.useFakeTimers({ now: Date.now() + ms, doNotFake: [...REAL] });
  try {
    return await work();
  } finally {
    jest.useRealTimers();
  }
}
