import { ordersRound } from './order-load';

describe('a round of orders', () => {
  const latenciesMs = Array.from({ length: 200 }, (_, index) => 200 - index);

  it('is counted over its whole time, with the middle and the slow latencies', () => {
    expect(ordersRound({ latenciesMs, seconds: 4 }, 10, 12)).toEqual({
      ordersPerSecond: 50,
      cpuSecondsPer1000: 10,
      p50Ms: 100,
      p99Ms: 198,
    });
  });

  it('has no CPU where the platform does not tell', () => {
    expect(ordersRound({ latenciesMs, seconds: 4 }, undefined, undefined).cpuSecondsPer1000).toBeUndefined();
  });
});
