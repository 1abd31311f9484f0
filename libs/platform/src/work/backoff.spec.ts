import { backoff, fullJitter, halfJitter, withJitter } from './backoff';

describe('backoff', () => {
  it('doubles the wait with each failure up to the longest one', () => {
    const waits = [1, 2, 3, 4, 5].map((failures) => backoff(failures, { firstMs: 100, longestMs: 1_000 }));
    expect(waits).toEqual([100, 200, 400, 800, 1_000]);
    expect(backoff(5_000, { firstMs: 100, longestMs: 1_000 })).toBe(1_000);
  });
});

describe('withJitter', () => {
  it('waits at least the given time and at most a quarter longer', () => {
    expect(withJitter(10_000, () => 0)).toBe(10_000);
    expect(withJitter(10_000, () => 1)).toBe(12_500);
  });

  it('spreads clients that failed at the same time', () => {
    const waits = Array.from({ length: 100 }, () => withJitter(10_000));
    expect(new Set(waits).size).toBeGreaterThan(90);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(1_000);
  });
});

describe('the shorter jitters', () => {
  it('keep half of the wait, or none of it', () => {
    expect([halfJitter(100, () => 0), halfJitter(100, () => 1)]).toEqual([50, 100]);
    expect([fullJitter(100, () => 0), fullJitter(100, () => 1)]).toEqual([0, 100]);
  });
});
