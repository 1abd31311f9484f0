import { AdaptiveLimit } from './adaptive-limit';

describe('the adaptive limit', () => {
  let now = 0;
  let limit: AdaptiveLimit;
  beforeEach(() => {
    now = 0;
    limit = new AdaptiveLimit({ min: 10, max: 200, initial: 100, now: () => now });
  });

  /** One window of responses with this latency and this many requests in flight. */
  const window = (tookMs: number, inFlight: number, kind = 'read'): void => {
    for (let answer = 0; answer < 20; answer += 1) {
      now += 10;
      limit.observe(kind, tookMs, inFlight);
    }
  };
  const windows = (count: number, tookMs: number, inFlight: () => number): void => {
    for (let index = 0; index < count; index += 1) {
      window(tookMs, inFlight());
    }
  };

  it('stays unchanged while it is not used, however slow responses are', () => {
    window(20, 5);
    windows(20, 900, () => 5);
    expect(limit.limit).toBe(100);
  });

  it('grows to its upper bound while it is used and latencies are tolerated', () => {
    window(20, 5);
    windows(4, 30, () => limit.limit);
    expect(limit.limit).toBeGreaterThan(110);
    windows(200, 30, () => limit.limit);
    expect(limit.limit).toBe(200);
  });

  it('shrinks in proportion to its lower bound when latencies exceed the tolerance', () => {
    window(20, 5);
    window(100, 100);
    expect(limit.limit).toBe(50);
    windows(3, 200, () => limit.limit);
    expect(limit.limit).toBe(10);
  });

  it('ignores latencies below the floor', () => {
    window(1, 5);
    windows(4, 20, () => limit.limit);
    expect(limit.limit).toBeGreaterThan(100);
  });

  it('distinguishes a slow kind from a queued one', () => {
    window(20, 5, 'read');
    window(300, 5, 'order');
    for (let index = 0; index < 3; index += 1) {
      window(20, 60, 'read');
      window(300, 60, 'order');
    }
    expect(limit.limit).toBeGreaterThan(100);
  });

  it('falls to its minimum for a moment under a lasting load, and measures the baseline there', () => {
    // Measured under load: 80 ms, most of it queueing.
    windows(6, 80, () => 100);
    expect(limit.limit).toBe(10);
    // Responses to requests from before the probe are ignored.
    window(80, 90);
    expect(limit.limit).toBe(10);
    for (let answer = 0; answer < 30; answer += 1) {
      limit.observe('read', 15, 10);
    }
    expect(limit.limit).toBeGreaterThan(100);
    // Now 80 ms exceeds the tolerance.
    window(80, 100);
    window(80, 100);
    expect(limit.limit).toBeLessThan(60);
  });

  it('ends a probe without samples', () => {
    windows(6, 80, () => 100);
    expect(limit.limit).toBe(10);
    now += 1_001;
    expect(limit.limit).toBeGreaterThan(100);
  });

  it('accepts a higher baseline that a probe has measured', () => {
    window(20, 5);
    windows(4, 300, () => limit.limit);
    expect(limit.limit).toBe(10);
    windows(40, 300, () => limit.limit);
    expect(limit.limit).toBeGreaterThan(50);
  });
});
