import { MAX_AUTHORIZATION_TRIES, retryDelayMs } from './retry-schedule';

describe('the retry schedule', () => {
  it('doubles the wait and never waits longer than 30 s', () => {
    const longest = [1, 2, 3, 20].map((tries) => retryDelayMs(tries, () => 1));
    expect(longest).toEqual([200, 400, 800, 30_000]);
  });

  it('waits at least half of the schedule', () => {
    expect(retryDelayMs(3, () => 0)).toBe(400);
  });

  it('abandons an authorization well before the order’s deadline of 60 s, including time-outs of 5 s', () => {
    const waits = Array.from({ length: MAX_AUTHORIZATION_TRIES - 1 }, (_, index) => retryDelayMs(index + 1, () => 1));
    const total = waits.reduce((sum, wait) => sum + wait, 0) + MAX_AUTHORIZATION_TRIES * 5_000;
    expect(total).toBeLessThan(30_000);
  });
});
