import { isExpired, MAX_AGE_MS, MAX_ATTEMPTS, retryDelayMs } from './retry-schedule';

const now = new Date('2026-11-25T12:00:00Z');
const hoursAgo = (hours: number): Date => new Date(now.getTime() - hours * 3_600_000);

describe('the retry schedule of mails', () => {
  it('doubles the wait and never waits longer than ten minutes', () => {
    const shortest = [1, 2, 3, 8, 50].map((attempts) => retryDelayMs(attempts, () => 0));
    expect(shortest).toEqual([5_000, 10_000, 20_000, 600_000, 600_000]);
  });

  it('spreads mails that failed together', () => {
    expect(retryDelayMs(1, () => 1)).toBe(6_250);
  });

  it('gives up on a mail after a day, or after too many attempts', () => {
    expect(isExpired({ attempts: 1, occurredAt: hoursAgo(23) }, now)).toBe(false);
    expect(isExpired({ attempts: 1, occurredAt: hoursAgo(25) }, now)).toBe(true);
    expect(isExpired({ attempts: MAX_ATTEMPTS, occurredAt: now }, now)).toBe(false);
    expect(isExpired({ attempts: MAX_ATTEMPTS + 1, occurredAt: now }, now)).toBe(true);
  });

  it('allows a server to be away the whole day, however many attempts that takes', () => {
    const waits = Array.from({ length: MAX_ATTEMPTS }, (_, index) => retryDelayMs(index + 1, () => 0));
    expect(waits.reduce((sum, wait) => sum + wait, 0)).toBeGreaterThan(MAX_AGE_MS);
  });
});
