import { capacity, type Outcome, simulate } from './simulated-service';

const SECONDS = 25;
const played = (load: number, options: { readonly sheds: boolean; readonly slowness?: (second: number) => number }) =>
  simulate({ rate: load * capacity, seconds: SECONDS, seed: 7, ...options });

describe('load shedding, in virtual time', () => {
  // As the benchmark determines it: the load with the highest goodput.
  const peak = [0.8, 0.9, 1, 1.1]
    .map((load) => played(load, { sheds: true }))
    .reduce<Outcome | undefined>(
      (best, one) => (best !== undefined && best.goodput >= one.goodput ? best : one),
      undefined,
    );
  if (peak === undefined) {
    throw new Error('nothing was played');
  }

  it('admits everything that can be answered in time', () => {
    const { admitted, goodput } = played(0.8, { sheds: true });
    expect(Math.min(...Object.values(admitted))).toBeGreaterThan(0.999);
    expect(goodput).toBeGreaterThan(0.77 * capacity);
  });

  it('reaches a peak near the capacity of the service', () => {
    expect(peak.goodput).toBeGreaterThan(0.95 * capacity);
  });

  it('keeps goodput and latency at twice the capacity, even from a cold start, and prefers orders to reads', () => {
    const overloaded = played(2, { sheds: true });
    expect(overloaded.goodput).toBeGreaterThan(0.8 * peak.goodput);
    expect(overloaded.p99Ms).toBeLessThan(2 * peak.p99Ms);
    expect(overloaded.admitted.high).toBeGreaterThan(0.99);
    expect(overloaded.admitted.low).toBeLessThan(0.6);
  });

  it('loses both without load shedding', () => {
    const overloaded = played(2, { sheds: false });
    expect(overloaded.goodput).toBeLessThan(0.1 * peak.goodput);
    expect(overloaded.p99Ms).toBeGreaterThan(20 * peak.p99Ms);
  });

  it('adapts to a service that has become three times slower for good', () => {
    const slower = simulate({
      rate: 0.5 * capacity,
      seconds: 120,
      seed: 7,
      sheds: true,
      slowness: (second) => (second < 20 ? 1 : 3),
    });
    // It has a third of the capacity now; in the first part it served half of it.
    expect(slower.goodput).toBeGreaterThan(0.3 * capacity);
    expect(slower.p99Ms).toBeLessThan(3 * 2.5 * peak.p99Ms);
  });
});
