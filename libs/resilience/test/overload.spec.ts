import { capacity, simulate, type Outcome } from './simulated-service';

const SECONDS = 25;
const played = (load: number, options: { readonly sheds: boolean; readonly slowness?: (second: number) => number }) =>
  simulate({ rate: load * capacity, seconds: SECONDS, seed: 7, ...options });

describe('load shedding, in virtual time', () => {
  // As the bench finds it: the load with the most answers in time.
  const peak = [0.8, 0.9, 1, 1.1]
    .map((load) => played(load, { sheds: true }))
    .reduce<Outcome | undefined>(
      (best, one) => (best !== undefined && best.goodput >= one.goodput ? best : one),
      undefined,
    );
  if (peak === undefined) throw new Error('nothing was played');

  it('lets everything in that can be done in time', () => {
    const { admitted, goodput } = played(0.8, { sheds: true });
    expect(Math.min(...Object.values(admitted))).toBeGreaterThan(0.999);
    expect(goodput).toBeGreaterThan(0.77 * capacity);
  });

  it('finds a peak near what the service can do', () => {
    expect(peak.goodput).toBeGreaterThan(0.95 * capacity);
  });

  it('keeps goodput and latency at twice the capacity, also from a cold start, and orders before reads', () => {
    const overloaded = played(2, { sheds: true });
    expect(overloaded.goodput).toBeGreaterThan(0.8 * peak.goodput);
    expect(overloaded.p99Ms).toBeLessThan(2 * peak.p99Ms);
    expect(overloaded.admitted.high).toBeGreaterThan(0.99);
    expect(overloaded.admitted.low).toBeLessThan(0.6);
  });

  it('fails both without it', () => {
    const overloaded = played(2, { sheds: false });
    expect(overloaded.goodput).toBeLessThan(0.1 * peak.goodput);
    expect(overloaded.p99Ms).toBeGreaterThan(20 * peak.p99Ms);
  });

  it('goes on with a service that has become three times as slow for good', () => {
    const slower = simulate({
      rate: 0.5 * capacity,
      seconds: 120,
      seed: 7,
      sheds: true,
      slowness: (second) => (second < 20 ? 1 : 3),
    });
    // It can do a third of the capacity now, and did half of it for the first part.
    expect(slower.goodput).toBeGreaterThan(0.3 * capacity);
    expect(slower.p99Ms).toBeLessThan(3 * 2.5 * peak.p99Ms);
  });
});
