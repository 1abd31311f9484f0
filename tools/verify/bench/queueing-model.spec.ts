import { demandOf, type Demands, predictClosed, predictOpen, rateOf } from './queueing-model';

const demands: Demands = {
  cores: 2,
  otherCores: 0,
  unloadedMs: 20,
  aloneCpuSeconds: 0.06,
  saturatedCpuSeconds: 0.01,
  inFlight: 31,
};
/** Nothing is shared, and an order is Confirmed when it takes no more CPU. */
const plain: Demands = { ...demands, unloadedMs: 10, aloneCpuSeconds: 0.01 };

describe('an open system', () => {
  it('takes its unloaded time when nearly nobody orders', () => {
    expect(predictOpen(demands, 0.001)).toBeCloseTo(20, 2);
  });

  it('is M/M/2 where orders share nothing', () => {
    expect(predictOpen(plain, 150)).toBeCloseTo(10 / (1 - 0.75 ** 2), 6);
  });

  it('is M/M/1 where orders share nothing and other programs have one of the cores', () => {
    expect(predictOpen({ ...plain, otherCores: 1 }, 75)).toBeCloseTo(10 / (1 - 0.75), 6);
  });

  it('has a queue without bound from the capacity on, and one with a bound below it', () => {
    expect(predictOpen(demands, 200)).toBe(Number.POSITIVE_INFINITY);
    expect(predictOpen(demands, 198)).toBeLessThan(20_000);
  });

  it('counts states whose weights are beyond the range of numbers', () => {
    const many = { ...plain, cores: 2_000, inFlight: 100_000 };
    expect(predictOpen(many, 150_000)).toBeCloseTo(10, 3);
  });
});

describe('the demand of an order', () => {
  it('is what was measured, at both ends', () => {
    const alone = { ...demands, unloadedMs: 30 };
    expect(demandOf(alone, 1)).toBeCloseTo(0.06);
    expect(demandOf(alone, 31)).toBeCloseTo(0.01);
  });

  it('is not extrapolated beyond them', () => {
    expect(demandOf(demands, 0.1)).toBeCloseTo(0.06);
    expect(demandOf(demands, 1_000)).toBeCloseTo(0.01);
  });

  it('falls as the shared part is divided by a group: 31 in flight are groups of 7, and 6 are groups of 2', () => {
    const alone = { ...demands, unloadedMs: 30 };
    const shared = (0.06 - 0.01) / (1 - 1 / 7);
    expect(demandOf(alone, 6)).toBeCloseTo(0.06 - shared / 2);
  });
});

describe('a closed system', () => {
  it('keeps all cores busy with many in flight', () => {
    expect(predictClosed(demands)).toBeCloseTo(200);
  });

  it('has its time alone with few in flight, also where disks are what takes time', () => {
    expect(predictClosed({ ...demands, unloadedMs: 1_000 })).toBeCloseTo(31);
  });

  it('counts an order that still works after it was Confirmed', () => {
    // Alone it takes 60 ms on two cores, so it is in the station for 30 ms, and for 20 ms of them not yet Confirmed.
    expect(rateOf(demands, 1)).toBeCloseTo(1 / 0.03);
    expect(predictClosed(demands, 1)).toBeCloseTo(rateOf(demands, 1.5));
  });
});
