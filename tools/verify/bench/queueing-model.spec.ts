import {
  closedThroughput,
  type Demands,
  erlangC,
  predictClosed,
  predictOpen,
  stretch,
  utilizationAt,
} from './queueing-model';

const demands: Demands = {
  cores: 2,
  otherCores: 0,
  unloadedMs: 20,
  aloneCpuSeconds: 0.04,
  saturatedCpuSeconds: 0.01,
};

describe('an open system', () => {
  it('takes its unloaded time when nearly nobody orders', () => {
    expect(predictOpen(demands, 0.001).meanMs).toBeCloseTo(20, 3);
  });

  it('is saturated exactly at the capacity that the demand at saturation gives', () => {
    expect(utilizationAt(demands, 200)).toBeCloseTo(1);
    expect(predictOpen(demands, 201).meanMs).toBe(Number.POSITIVE_INFINITY);
    expect(predictOpen(demands, 199).meanMs).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('is as busy as the interpolated demand says', () => {
    const utilization = utilizationAt(demands, 50);
    const demand = 0.04 + utilization * (0.01 - 0.04);
    expect(utilization).toBeCloseTo((50 * demand) / 2);
  });

  it('stretches only the part of the time that is work', () => {
    const waiting = { ...demands, unloadedMs: 100 };
    const { utilization, meanMs } = predictOpen(waiting, 50);
    expect(meanMs).toBeCloseTo(60 + 40 * stretch(2, utilization));
  });

  it('has less of the cores when other programs have some', () => {
    expect(utilizationAt({ ...demands, otherCores: 1 }, 100)).toBeCloseTo(1);
  });
});

describe('the stretch of work', () => {
  it('is 1 / (1 − ρ) on one core and 1 / (1 − ρ²) on two, as in M/M/1 and M/M/2', () => {
    expect(stretch(1, 0.75)).toBeCloseTo(4);
    expect(stretch(2, 0.75)).toBeCloseTo(1 / (1 - 0.75 ** 2));
  });

  it('knows the probability of waiting from the tables: 8 servers at an offered load of 6', () => {
    expect(erlangC(8, 6)).toBeCloseTo(0.357, 3);
  });
});

describe('a closed system', () => {
  /** Throughput by the probabilities of all states of the same chain, which needs no mean value analysis. */
  function byStates(servers: number, demand: number, delay: number, customers: number): number {
    let weight = 1;
    const weights = [weight];
    for (let at = 1; at <= customers; at += 1) {
      weight *= ((customers - at + 1) / delay) * (demand / Math.min(at, servers));
      weights.push(weight);
    }
    const all = weights.reduce((sum, one) => sum + one, 0);
    return weights.reduce((sum, one, at) => sum + (one / all) * (Math.min(at, servers) / demand), 0);
  }

  it.each([
    { servers: 1, customers: 3 },
    { servers: 2, customers: 1 },
    { servers: 2, customers: 5 },
    { servers: 2, customers: 32 },
    { servers: 4, customers: 6 },
  ])('has the throughput of its chain: $customers customers at $servers servers', ({ servers, customers }) => {
    const throughput = closedThroughput(servers, 0.01, 0.02, customers);
    expect(throughput).toBeCloseTo(byStates(servers, 0.01, 0.02, customers), 6);
  });

  it('reaches the capacity with many in flight, and their mean time follows from Little’s law', () => {
    const { ordersPerSecond, meanMs } = predictClosed(demands, 32);
    expect(ordersPerSecond).toBeCloseTo(200, 6);
    expect(meanMs).toBeCloseTo(160, 6);
  });
});
