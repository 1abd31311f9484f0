import { compared, type LatencyBenchOptions, latencyReport, type Load, type Point } from './latency-report';
import { type Counts, forCounted } from './system-meter';

const options: LatencyBenchOptions = {
  rounds: 3,
  warmUpSeconds: 1,
  idleSeconds: 1,
  closedSeconds: 15,
  slowSeconds: 40,
  openSeconds: 20,
  inFlight: 32,
};
const counts = (change: Partial<Counts> = {}): Counts => ({ ...forCounted(() => 1), cpuSeconds: 0.01, ...change });
const point = (load: Load, change: Partial<Point> = {}): Point => ({
  load,
  orders: 100,
  offeredPerSecond: 100,
  reachedPerSecond: 99,
  p50Ms: 15,
  p99Ms: 60,
  meanMs: 20,
  refused: 0,
  clientLateMs: 3,
  perOrder: counts(),
  programs: { orders: 0.003, Postgres: 0.001 },
  benchCpuSeconds: 0,
  otherCores: 0,
  ...change,
});
const own = (...points: readonly Point[]) => ({
  name: 'this work tree',
  idlePerSecond: counts({ cpuSeconds: 0 }),
  points,
});
const reportOf = (...measured: readonly ReturnType<typeof own>[]): string =>
  latencyReport('On this machine.', { options, cores: 2, measured });

describe('the report of the latency bench', () => {
  it('has the medians of the rounds, and all orders', () => {
    const half = [5, 9, 7].map((ms) =>
      point(0.5, { p50Ms: ms, meanMs: ms + 1, p99Ms: 10 * ms, clientLateMs: ms / 10 }),
    );
    expect(reportOf(own(...half))).toContain(
      '| this work tree | 50 % | 300 | 100.0 | 99.0 | 7.0 | 8.0 | 70.0 | 0.7 | 0.00 |',
    );
  });

  it('has what an order takes', () => {
    const perOrder = counts({
      cpuSeconds: 0.0123,
      statements: 14,
      roundTrips: 6,
      commits: 1.5,
      rows: 21,
      walBytes: 22_500,
      messages: 5,
      streamBytes: 3_700,
    });
    expect(reportOf(own(point('closed', { perOrder })))).toContain(
      '| this work tree | 32 in flight | 12.3 | 14.0 | 6.0 | 1.5 | 21.0 | 22.5 | 5.0 | 3.7 |',
    );
  });

  it('has the shares of the programs at saturation', () => {
    expect(reportOf(own(point('closed')))).toContain(
      'CPU of this work tree with 32 in flight: orders 75 %, Postgres 25 %.',
    );
  });

  it.each<{ what: string; points: readonly Point[]; goal: string }>([
    { what: 'p50', points: [point(0.5, { p50Ms: 20.1 })], goal: 'p50 at half of the capacity' },
    { what: 'p99', points: [point(0.5, { p99Ms: 90.1 })], goal: 'p99 at half of the capacity' },
    {
      what: 'round trips alone',
      points: [point('1/s', { perOrder: counts({ roundTrips: 30.1 }) })],
      goal: 'round trips of one order, alone',
    },
    {
      what: 'commits alone',
      points: [point('1/s', { perOrder: counts({ commits: 9.1 }) })],
      goal: 'commits of one order, alone',
    },
    {
      what: 'round trips',
      points: [point('closed', { perOrder: counts({ roundTrips: 6.1 }) })],
      goal: 'round trips of one order, saturated',
    },
    {
      what: 'commits',
      points: [point('closed', { perOrder: counts({ commits: 1.6 }) })],
      goal: 'commits of one order, saturated',
    },
  ])('says which goal is missed: $what', ({ points, goal }) => {
    const missed = reportOf(own(...points))
      .split('\n## Latency')[0]
      ?.split('\n')
      .filter((line) => line.includes('**missed**'));
    expect(missed).toHaveLength(1);
    expect(missed?.[0]).toContain(goal);
  });

  it('meets the goals at their bounds', () => {
    const report = reportOf(
      own(
        point(0.5, { p50Ms: 20, p99Ms: 90 }),
        point('1/s', { perOrder: counts({ roundTrips: 30, commits: 9 }) }),
        point('closed', { perOrder: counts({ roundTrips: 6, commits: 1.5 }) }),
      ),
    );
    expect(report.split('## Latency')[0]?.match(/\*\*met\*\*/g)).toHaveLength(6);
  });

  it('compares one order a second with the other system', () => {
    const beside = (p50Ms: number): string =>
      reportOf(own(point('1/s', { p50Ms })), { ...own(point('1/s', { p50Ms: 10 })), name: 'v1' });
    expect(beside(10)).toContain('beside v1: at most 1 ×, measured 1.00 ×: **met**');
    expect(beside(12)).toContain('beside v1: at most 1 ×, measured 1.20 ×: **missed**');
  });

  it('does not hold a latency against a system that shared the cores with other programs', () => {
    const report = reportOf(own(point(0.5, { p50Ms: 21, p99Ms: 80, otherCores: 0.2 })));
    expect(report).toContain('- p50 at half of the capacity: at most 20 ms, measured 21.0 ms: **not decided**');
    expect(report).toContain('- p99 at half of the capacity: at most 90 ms, measured 80.0 ms: **met**');
  });

  it('decides nothing that was not measured', () => {
    const report = reportOf(own(point('closed', { perOrder: counts({ roundTrips: Number.NaN }) })));
    expect(report).toContain(
      '- round trips of one order, saturated: at most 6, measured not measured: **not decided**',
    );
  });
});

describe('the model in the report', () => {
  const saturated = point('closed', {
    reachedPerSecond: 200,
    perOrder: counts({ cpuSeconds: 0.009 }),
    benchCpuSeconds: 0.001,
  });
  const alone = point('1/s', { meanMs: 10, perOrder: counts({ cpuSeconds: 0.008 }), benchCpuSeconds: 0.002 });

  it('is fed with the demands of the order and of the bench, alone and saturated', () => {
    // The same demand alone and saturated: M/M/2.
    const predicted = compared({
      options,
      cores: 2,
      measured: [own(saturated, alone, point(0.75, { offeredPerSecond: 150 }))],
    });
    expect(predicted.map(({ predicted: figure }) => Number(figure.toFixed(6)))).toEqual([22.857143, 200]);
  });

  it('has what other programs and the idle system leave of the cores', () => {
    const points = [{ ...saturated, otherCores: 0.75 }, alone];
    const idlePerSecond = counts({ cpuSeconds: 0.25 });
    const [closed] = compared({ options, cores: 2, measured: [{ ...own(...points), idlePerSecond }] });
    expect(closed?.predicted).toBeCloseTo(100);
  });

  it('is judged by its error', () => {
    const judged = (meanMs: number): string =>
      reportOf(own(saturated, alone, point(0.75, { offeredPerSecond: 150, meanMs })));
    expect(judged(20)).toContain('| mean at 75 %, ms | 22.9 | 20.0 | +14 % | met |');
    expect(judged(19)).toContain('| mean at 75 %, ms | 22.9 | 19.0 | +20 % | missed |');
    expect(judged(30)).toContain('| mean at 75 %, ms | 22.9 | 30.0 | -24 % | missed |');
  });

  it('predicts nothing without both measurements', () => {
    expect(compared({ options, cores: 2, measured: [own(saturated)] })).toEqual([]);
  });
});
