import { AdaptiveLimit } from './adaptive-limit';

describe('the adaptive limit', () => {
  let now = 0;
  let limit: AdaptiveLimit;
  beforeEach(() => {
    now = 0;
    limit = new AdaptiveLimit({ min: 10, max: 200, initial: 100, now: () => now });
  });

  /** One window of answers that each took so long while so many were in hand. */
  const window = (tookMs: number, inFlight: number, kind = 'read'): void => {
    for (let answer = 0; answer < 20; answer += 1) {
      now += 10;
      limit.observe(kind, tookMs, inFlight);
    }
  };
  const windows = (count: number, tookMs: number, inFlight: () => number): void => {
    for (let index = 0; index < count; index += 1) window(tookMs, inFlight());
  };

  it('stays as it is while it is not used, however slow the answers are', () => {
    window(20, 5);
    windows(20, 900, () => 5);
    expect(limit.limit).toBe(100);
  });

  it('grows while it is used and answers come in time, up to its bound', () => {
    window(20, 5);
    windows(4, 30, () => limit.limit);
    expect(limit.limit).toBeGreaterThan(110);
    windows(200, 30, () => limit.limit);
    expect(limit.limit).toBe(200);
  });

  it('shrinks in proportion when answers take longer than it tolerates, down to its bound', () => {
    window(20, 5);
    window(100, 100);
    expect(limit.limit).toBe(50);
    windows(3, 200, () => limit.limit);
    expect(limit.limit).toBe(10);
  });

  it('does not mind latencies below the floor', () => {
    window(1, 5);
    windows(4, 20, () => limit.limit);
    expect(limit.limit).toBeGreaterThan(100);
  });

  it('tells a kind that takes long by itself from one that waits', () => {
    window(20, 5, 'read');
    window(300, 5, 'order');
    for (let index = 0; index < 3; index += 1) {
      window(20, 60, 'read');
      window(300, 60, 'order');
    }
    expect(limit.limit).toBeGreaterThan(100);
  });

  it('falls to its least for a moment under a load that stays, and learns what answers take there', () => {
    // Learnt under load: 80 ms of which most was waiting.
    windows(6, 80, () => 100);
    expect(limit.limit).toBe(10);
    // What still comes from before the probe says nothing.
    window(80, 90);
    expect(limit.limit).toBe(10);
    for (let answer = 0; answer < 30; answer += 1) limit.observe('read', 15, 10);
    expect(limit.limit).toBeGreaterThan(100);
    // Now it is known that 80 ms is too long.
    window(80, 100);
    window(80, 100);
    expect(limit.limit).toBeLessThan(60);
  });

  it('ends a probe that nothing comes of', () => {
    windows(6, 80, () => 100);
    expect(limit.limit).toBe(10);
    now += 1_001;
    expect(limit.limit).toBeGreaterThan(100);
  });

  it('believes that the world has become slower when a probe says so', () => {
    window(20, 5);
    windows(4, 300, () => limit.limit);
    expect(limit.limit).toBe(10);
    windows(40, 300, () => limit.limit);
    expect(limit.limit).toBeGreaterThan(50);
  });
});
