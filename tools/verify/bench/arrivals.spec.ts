import { arrivalTimes } from './arrivals';

const gapsOf = (times: readonly number[]): readonly number[] => times.map((at, index) => at - (times[index - 1] ?? 0));
const mean = (figures: readonly number[]): number => figures.reduce((sum, one) => sum + one, 0) / figures.length;

describe('times of arrival', () => {
  const times = arrivalTimes({ perSecond: 50, seconds: 200, seed: 1 });

  it('have the rate that is asked for, within four standard deviations', () => {
    expect(Math.abs(times.length - 10_000)).toBeLessThan(400);
  });

  it('ascend and end in time', () => {
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(times.at(-1)).toBeLessThan(200_000);
  });

  it('have exponential gaps: as wide as they are long, and a share of 1 − 1/e below the mean', () => {
    const gaps = gapsOf(times);
    const deviation = Math.sqrt(mean(gaps.map((gap) => (gap - 20) ** 2)));
    expect(Math.abs(deviation - 20)).toBeLessThan(1);
    expect(Math.abs(gaps.filter((gap) => gap < 20).length / gaps.length - (1 - 1 / Math.E))).toBeLessThan(0.02);
  });

  it('are the same for the same seed, and others for another', () => {
    expect(arrivalTimes({ perSecond: 50, seconds: 200, seed: 1 })).toEqual(times);
    expect(arrivalTimes({ perSecond: 50, seconds: 200, seed: 2 })[0]).not.toBe(times[0]);
  });

  it('are stretched by another rate', () => {
    const slower = arrivalTimes({ perSecond: 25, seconds: 400, seed: 1 });
    expect(slower).toHaveLength(times.length);
    expect(slower[99]).toBeCloseTo(2 * (times[99] ?? Number.NaN), 6);
  });
});
