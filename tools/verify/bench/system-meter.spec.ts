import { forCounted, perOrder, perSecond, type Reading } from './system-meter';

const reading = (seconds: number, count: number): Reading => ({
  atMs: 1_000 * seconds,
  programs: { NATS: count },
  counts: forCounted(() => count),
});

describe('what one order takes', () => {
  it('is without what the idle system takes in the same time', () => {
    const idle = perSecond(reading(0, 100), reading(10, 150));
    expect(idle.counts.commits).toBe(5);
    expect(perOrder(reading(20, 200), reading(30, 290), idle, 20)).toMatchObject({
      counts: { commits: 2 },
      programs: { NATS: 2 },
    });
  });

  it('is not a number where the platform does not tell', () => {
    const idle = perSecond(reading(0, Number.NaN), reading(10, 150));
    expect(perOrder(reading(20, 200), reading(30, 290), idle, 20).counts.roundTrips).toBeNaN();
  });
});
