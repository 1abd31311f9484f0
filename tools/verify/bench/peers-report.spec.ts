import type { SystemFigures } from './peers-figures';
import { peersReport, type PeersResult } from './peers-report';

const system = (name: string, rate: number): SystemFigures => ({
  name,
  what: `what ${name} is`,
  orders: [rate, 3 * rate, 2 * rate].map((ordersPerSecond) => ({
    ordersPerSecond,
    cpuSecondsPer1000: 1_000 / ordersPerSecond,
    p50Ms: 10,
    p99Ms: 20,
  })),
  kept: [rate],
  product: [rate],
  list: [rate],
  refused: 0,
  idle: { programs: rate, all: 2 * rate },
  underOrders: undefined,
});

const result: PeersResult = {
  command: 'npm run bench -- peers',
  at: '2026-11-30T12:00:00.000Z',
  machine: '2 cores',
  setting: { rounds: 3, orderSeconds: 8, readSeconds: 3, warmUpSeconds: 10, inFlight: 32, connections: 16 },
  systems: [system('Rookery', 100), system('Express', 200)],
  floors: [
    {
      name: 'five transactions',
      what: 'pgbench',
      rounds: [{ ordersPerSecond: 800, cpuSecondsPer1000: undefined, meanMs: 3 }],
    },
  ],
};

describe('the report of the peers', () => {
  it('has the ratios to each one first, then the medians and the rounds', () => {
    const lines = peersReport(result).split('\n');
    const at = (line: string): number => lines.indexOf(line);

    expect(at('| orders/s, POST to Confirmed (more is better) | 0.50 × | 0.25 × |')).toBeGreaterThan(0);
    expect(at('| CPU-seconds per 1,000 orders (less is better) | 2.00 × | – |')).toBeGreaterThan(0);
    expect(at('| orders/s, POST to Confirmed | 200 | 400 | 800 |')).toBeGreaterThan(
      at('| orders/s, POST to Confirmed (more is better) | 0.50 × | 0.25 × |'),
    );
    expect(at('- Express: 200 · 600 · 400')).toBeGreaterThan(0);
    expect(at('| programs under orders, MiB | – | – | – |')).toBeGreaterThan(0);
  });

  it('says how many reads were refused', () => {
    expect(peersReport(result)).not.toContain('refused');
    const shedding = { ...system('Rookery', 100), refused: 7 };
    expect(peersReport({ ...result, systems: [shedding] })).toContain('Rookery refused 7 reads with 503');
  });

  it('says why pgbench is missing', () => {
    expect(peersReport({ ...result, floors: 'there is no pgbench here.' })).toContain(
      '- The floor in pgbench was skipped: there is no pgbench here.',
    );
  });
});
