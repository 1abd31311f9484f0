import { recordOf } from '@rookery/contracts';
import { FEW, LOOK_EVERY_MS } from './open-order-load';
import { type Demands, predictClosed, predictOpen } from './queueing-model';
import { median, whole } from './report';
import { type Counts, forCounted, type Programs, SETTLED_AFTER_MS } from './system-meter';

export interface LatencyBenchOptions {
  /** A commit whose system is measured by turns with that of this work tree. */
  readonly against?: string | undefined;
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly idleSeconds: number;
  /** Of the closed loop that finds the capacity. */
  readonly closedSeconds: number;
  /** At one order a second, and at each other load. */
  readonly slowSeconds: number;
  readonly openSeconds: number;
  /** Orders on their way in the closed loop. */
  readonly inFlight: number;
}

/** One order a second, or a share of the system’s own capacity. */
export type OpenLoad = '1/s' | number;

/** One of these, or as many as the closed loop brings. */
export type Load = OpenLoad | 'closed';

/** One load in one round. */
export interface Point {
  readonly load: Load;
  readonly orders: number;
  readonly offeredPerSecond: number;
  /** Until the last order has ended. */
  readonly reachedPerSecond: number;
  /** From the moment an order was due until it was Confirmed. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly meanMs: number;
  /** Answers 503, after which an order was sent again. */
  readonly refused: number;
  /** The bench’s own lateness at most. */
  readonly clientLateMs: number;
  /** Without what the idle system takes. */
  readonly perOrder: Counts;
  /** CPU-seconds of each program per order, without what it takes idle. */
  readonly programs: Programs;
  /** CPU of the customers and of the looks at the table of orders, per order. */
  readonly benchCpuSeconds: number;
  /** Cores that other programs had. */
  readonly otherCores: number;
}

/** What was measured of one system, in all rounds. */
export interface MeasuredLatency {
  readonly name: string;
  readonly idlePerSecond: Counts;
  readonly points: readonly Point[];
}

/** What the report is made of. */
export interface LatencyResult {
  readonly options: LatencyBenchOptions;
  readonly cores: number;
  /** The first one is the one that it is about. */
  readonly measured: readonly MeasuredLatency[];
}

/** Medians of one load over the rounds. */
type Row = Pick<Point, 'load' | 'orders' | 'perOrder' | 'programs' | (typeof FIGURES)[number]>;

const FIGURES = [
  'offeredPerSecond',
  'reachedPerSecond',
  'p50Ms',
  'p99Ms',
  'meanMs',
  'refused',
  'clientLateMs',
  'benchCpuSeconds',
  'otherCores',
] as const;

/** For people, in Markdown. */
export function latencyReport(circumstance: string, result: LatencyResult): string {
  const { options, measured } = result;
  const rows = measured.map(({ name, points }) => ({ name, rows: medians(points) }));
  return [
    '# Orders from POST to Confirmed, by load',
    '',
    `${circumstance} ${options.rounds} rounds by turns; medians. Arrivals are a Poisson process with a fixed seed and do not wait for answers, for ${options.openSeconds} s at a load (${options.slowSeconds} s at one order a second). The capacity is what ${options.inFlight} orders in flight reach in ${options.closedSeconds} s of the same round.`,
    '',
    '## Goals',
    '',
    ...goals(rows).map(
      ({ what, goal, figure, isMet }) => `- ${what}: ${goal}, measured ${figure}: **${verdict(isMet)}**`,
    ),
    '',
    '## Latency',
    '',
    '| system | load | orders | offered/s | reached/s | p50, ms | mean, ms | p99, ms | bench late at most, ms | cores of other programs |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.flatMap(({ name, rows: all }) => all.map((row) => latencyLine(name, row, options))),
    '',
    `From the moment an order was due until the table of orders said Confirmed. The table is looked at every ${LOOK_EVERY_MS.few} ms while up to ${FEW} orders are on their way, else every ${LOOK_EVERY_MS.many} ms, and nothing is subtracted. Every order ended as Confirmed; orders that were answered 503 were sent again, and their time counts.`,
    '',
    '## What one order takes',
    '',
    '| system | load | CPU-seconds per 1,000 orders | statements | round trips | commits | rows | WAL, kB | events | in streams, kB |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows.flatMap(({ name, rows: all }) => all.map((row) => costLine(name, row, options))),
    '',
    `Above what the idle system takes, until ${SETTLED_AFTER_MS / 1_000} s after the last order, so with payment and stock settled. CPU: all processes with Postgres and NATS, without the customers and the looks. Round trips: segments with data that the services sent to Postgres (\`ss\`); statements that travel together are one. Commits of all databases, also of transactions that only read. Rows are those that were inserted. Events are messages in the streams.`,
    '',
    ...rows.flatMap(({ name, rows: all }) => programLine(name, all, options)),
    ...measured.map(({ name, idlePerSecond }) => idleLine(name, idlePerSecond)),
    '',
    ...modelLines(result),
  ].join('\n');
}

/** The loads in the order in which they were measured, each with its medians. */
function medians(points: readonly Point[]): readonly Row[] {
  const loads = [...new Set(points.map(({ load }) => load))];
  return loads.map((load) => {
    const same = points.filter((point) => point.load === load);
    return {
      load,
      orders: same.reduce((sum, { orders }) => sum + orders, 0),
      ...recordOf(FIGURES, (figure) => median(same.map((point) => point[figure]))),
      perOrder: forCounted((what) => median(same.map((point) => point.perOrder[what]))),
      programs: Object.fromEntries(
        Object.keys(same[0]?.programs ?? {}).map((name) => [
          name,
          median(same.map(({ programs }) => programs[name] ?? Number.NaN)),
        ]),
      ),
    };
  });
}

function latencyLine(name: string, row: Row, options: LatencyBenchOptions): string {
  const figures = [
    whole(row.orders),
    decimal(row.offeredPerSecond),
    decimal(row.reachedPerSecond),
    decimal(row.p50Ms),
    decimal(row.meanMs),
    decimal(row.p99Ms),
    row.load === 'closed' ? '–' : decimal(row.clientLateMs),
    decimal(row.otherCores, 2),
  ];
  return `| ${[name, loadName(row.load, options), ...figures].join(' | ')} |`;
}

function costLine(name: string, { load, perOrder }: Row, options: LatencyBenchOptions): string {
  const figures = [
    decimal(1_000 * perOrder.cpuSeconds),
    decimal(perOrder.statements),
    decimal(perOrder.roundTrips),
    decimal(perOrder.commits),
    decimal(perOrder.rows),
    decimal(perOrder.walBytes / 1_000),
    decimal(perOrder.messages),
    decimal(perOrder.streamBytes / 1_000),
  ];
  return `| ${[name, loadName(load, options), ...figures].join(' | ')} |`;
}

function programLine(name: string, rows: readonly Row[], options: LatencyBenchOptions): readonly string[] {
  const saturated = rows.find(({ load }) => load === 'closed');
  if (saturated === undefined) {
    return [];
  }
  const all = Object.values(saturated.programs).reduce((sum, cpu) => sum + cpu, 0);
  const shares = Object.entries(saturated.programs).map(
    ([program, cpu]) => `${program} ${decimal((100 * cpu) / all, 0)} %`,
  );
  return [`CPU of ${name} with ${loadName('closed', options)}: ${shares.join(', ')}.`, ''];
}

const idleLine = (name: string, idle: Counts): string =>
  `Idle, ${name} takes ${decimal(1_000 * idle.cpuSeconds, 0)} ms of CPU, ${decimal(idle.statements)} statements, ${decimal(idle.roundTrips)} round trips, ${decimal(idle.commits)} commits and ${decimal(idle.walBytes / 1_000)} kB of WAL a second.`;

const loadName = (load: Load, { inFlight }: LatencyBenchOptions): string =>
  load === 'closed' ? `${inFlight} in flight` : load === '1/s' ? '1 order/s' : `${Math.round(100 * load)} %`;

/** Where other programs had more cores than this, a latency is theirs as well. */
const SHARED_CORES = 0.1;

interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly figure: string;
  /** Undefined when it was not measured. */
  readonly isMet: boolean | undefined;
}

function goals(systems: readonly { readonly name: string; readonly rows: readonly Row[] }[]): readonly Goal[] {
  const [own, other] = systems;
  const at = (load: Load, of: (row: Row) => number, rows = own?.rows): number => {
    const row = rows?.find((one) => one.load === load);
    return row === undefined ? Number.NaN : of(row);
  };
  const p50 = ({ p50Ms }: Row): number => p50Ms;
  const p99 = ({ p99Ms }: Row): number => p99Ms;
  const isShared = at(0.5, ({ otherCores }) => otherCores) > SHARED_CORES;
  const beside = at('1/s', p50) / at('1/s', p50, other?.rows);
  return [
    undisturbed(isShared, atMost('p50 at half of the capacity', at(0.5, p50), 20, ' ms')),
    undisturbed(isShared, atMost('p99 at half of the capacity', at(0.5, p99), 90, ' ms')),
    ...(other === undefined ? [] : [atMost(`p50 at one order a second, beside ${other.name}`, beside, 1, ' ×', 2)]),
    atMost(
      'round trips of one order, alone',
      at('1/s', ({ perOrder }) => perOrder.roundTrips),
      30,
      '',
    ),
    atMost(
      'commits of one order, alone',
      at('1/s', ({ perOrder }) => perOrder.commits),
      9,
      '',
    ),
    atMost(
      'round trips of one order, saturated',
      at('closed', ({ perOrder }) => perOrder.roundTrips),
      6,
      '',
    ),
    atMost(
      'commits of one order, saturated',
      at('closed', ({ perOrder }) => perOrder.commits),
      1.5,
      '',
    ),
  ];
}

const atMost = (what: string, figure: number, most: number, unit: string, digits = 1): Goal => ({
  what,
  goal: `at most ${most}${unit}`,
  figure: `${decimal(figure, digits)}${unit}`,
  isMet: Number.isNaN(figure) ? undefined : figure <= most,
});

/** Other programs make latencies longer, never shorter: what was missed beside them is not decided. */
const undisturbed = (isShared: boolean, goal: Goal): Goal =>
  isShared && goal.isMet === false ? { ...goal, isMet: undefined } : goal;

const verdict = (isMet: boolean | undefined): string =>
  isMet === undefined ? 'not decided' : isMet ? 'met' : 'missed';

/** A prediction beside what was measured. */
export interface Compared {
  readonly what: string;
  readonly predicted: number;
  readonly measured: number;
  readonly unit: string;
}

/** What the model says of the first system; nothing when it was not measured alone and saturated. */
export function compared({ options, cores, measured }: LatencyResult): readonly Compared[] {
  const rows = medians(measured[0]?.points ?? []);
  const [alone, saturated] = [rows.find(({ load }) => load === '1/s'), rows.find(({ load }) => load === 'closed')];
  if (alone === undefined || saturated === undefined) {
    return [];
  }
  const demand = (row: Row): number => row.perOrder.cpuSeconds + row.benchCpuSeconds;
  const demandsAt = ({ otherCores }: Row): Demands => ({
    cores,
    // What the system takes idle is not in the demand of its orders.
    otherCores: otherCores + (measured[0]?.idlePerSecond.cpuSeconds ?? 0),
    unloadedMs: alone.meanMs,
    aloneCpuSeconds: demand(alone),
    saturatedCpuSeconds: demand(saturated),
    inFlight: options.inFlight,
  });
  return [
    ...rows
      .filter(({ load }) => typeof load === 'number')
      .map((row) => ({
        what: `mean at ${loadName(row.load, options)}`,
        predicted: predictOpen(demandsAt(row), row.offeredPerSecond),
        measured: row.meanMs,
        unit: 'ms',
      })),
    {
      what: `throughput, ${loadName('closed', options)}`,
      predicted: predictClosed(demandsAt(saturated)),
      measured: saturated.reachedPerSecond,
      unit: 'orders/s',
    },
  ];
}

/** How far a prediction may be off. */
const MODEL_WITHIN = 0.2;

function modelLines(result: LatencyResult): readonly string[] {
  return [
    '## The queueing model beside it',
    '',
    'Predicted from two measurements, one order a second and saturation, by [queueing-model.ts](../../tools/verify/bench/queueing-model.ts). Goal: within 20 %.',
    '',
    '|  | predicted | measured | error |  |',
    '| --- | ---: | ---: | ---: | --- |',
    ...compared(result).map(({ what, predicted, measured, unit }) => {
      const error = predicted / measured - 1;
      const isWithin = Number.isNaN(error) ? undefined : Math.abs(error) <= MODEL_WITHIN;
      const percent = Number.isFinite(error) ? `${error > 0 ? '+' : ''}${(100 * error).toFixed(0)} %` : '–';
      return `| ${what}, ${unit} | ${decimal(predicted)} | ${decimal(measured)} | ${percent} | ${verdict(isWithin)} |`;
    }),
    '',
  ];
}

const decimal = (figure: number, digits = 1): string => {
  if (Number.isNaN(figure)) {
    return 'not measured';
  }
  return Number.isFinite(figure)
    ? figure.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    : '∞';
};
