import { withJitter } from './jitter';

describe('withJitter', () => {
  it('waits at least the given time, and at most a quarter longer', () => {
    expect(withJitter(10_000, () => 0)).toBe(10_000);
    expect(withJitter(10_000, () => 1)).toBe(12_500);
  });

  it('spreads clients that failed at the same time', () => {
    const waits = Array.from({ length: 100 }, () => withJitter(10_000));
    expect(new Set(waits).size).toBeGreaterThan(90);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(1_000);
  });
});
