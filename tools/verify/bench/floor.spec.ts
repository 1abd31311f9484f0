import { floorRound } from './floor';

const printed = (failed: number): string =>
  [
    'query mode: prepared',
    'number of transactions actually processed: 2000',
    `number of failed transactions: ${failed} (0.000%)`,
    'latency average = 24.500 ms',
    'initial connection time = 37.105 ms',
    'tps = 979.591837 (without initial connection time)',
  ].join('\n');

describe('what pgbench prints', () => {
  it('tells orders a second, their latency and what Postgres took for them', () => {
    expect(floorRound(printed(0), 5)).toEqual({ ordersPerSecond: 979.591837, cpuSecondsPer1000: 2.5, meanMs: 24.5 });
  });

  it('is refused when a transaction failed', () => {
    expect(() => floorRound(printed(3), 5)).toThrow('pgbench did not place every order');
  });

  it('is refused when there is no rate', () => {
    expect(() => floorRound('pgbench: error: client 0 aborted', 5)).toThrow('pgbench did not place every order');
  });
});
