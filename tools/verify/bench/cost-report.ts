import type { Report } from './report';

/** What is measured, and how long. */
export interface CostBenchOptions {
  /** Orders of each kind. */
  readonly orders: number;
  /** Placed per second. */
  readonly rate: number;
  readonly idleSeconds: number;
  /** Orders before the first measurement: compiled code and warm caches are the usual state. */
  readonly warmUp: number;
}

type Figures = ReadonlyMap<string, number | undefined>;
type Table = Readonly<Record<string, number | undefined>>;

/** Of one order. */
export interface Cost {
  /** CPU-milliseconds per process, over what it takes while nothing happens. */
  readonly cpuMs: Figures;
  /** Bytes of tables and indexes, of WAL, of streams, of logs. */
  readonly tables: Figures;
  readonly wal: Figures;
  readonly streams: Figures;
  readonly logs: Figures;
}

/** One kind of order on one kind of stack. */
export interface Variant {
  readonly name: string;
  readonly what: string;
  readonly cost: Cost;
  readonly ratePerSecond: number;
  /** Requests that had to be repeated. */
  readonly repeated: number;
  readonly idleCores: Table;
  readonly idleMiB: Table;
  readonly loadCores: Table;
  readonly loadMiB: Table;
}

export interface CostResult {
  readonly at: string;
  readonly machine: string;
  readonly options: CostBenchOptions;
  readonly variants: readonly Variant[];
}

const NOT_MEASURED = 'not measured';

const sum = (figures: Figures): number | undefined =>
  [...figures.values()].reduce<number | undefined>(
    (total, figure) => (total === undefined || figure === undefined ? undefined : total + figure),
    0,
  );
const text = (figure: number | undefined, digits: number): string => figure?.toFixed(digits) ?? NOT_MEASURED;
const kilobytes = (bytes: number | undefined): string =>
  bytes === undefined ? NOT_MEASURED : (bytes / 1_000).toFixed(2);
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The result for people and for programs. */
export function costReport(result: CostResult): Report {
  const plain = {
    ...result,
    variants: result.variants.map((variant) => ({ ...variant, cost: plainCost(variant.cost) })),
  };
  return { json: plain, markdown: markdownOf(result) };
}

const plainCost = (cost: Cost): Readonly<Record<string, Table>> =>
  Object.fromEntries(
    Object.entries(cost).map(([name, figures]: [string, Figures]) => [name, Object.fromEntries(figures)]),
  );

function markdownOf({ at, machine, options, variants }: CostResult): string {
  const [first] = variants;
  if (first === undefined) {
    return '# cost\n';
  }
  const header = row('of one order', ...variants.map(({ name }) => name));
  const line = row('---', ...variants.map(() => '---:'));
  const processes = [...first.cost.cpuMs.keys()];
  const bytes = (what: string, of: (cost: Cost) => Figures): readonly string[] => [
    row(`**${what}**`, ...variants.map(({ cost }) => `**${kilobytes(sum(of(cost)))}**`)),
    ...[...of(first.cost).keys()]
      .filter((part) => variants.some(({ cost }) => (of(cost).get(part) ?? 0) >= 1))
      .map((part) => row(part, ...variants.map(({ cost }) => kilobytes(of(cost).get(part))))),
  ];
  return [
    '# cost',
    '',
    `\`npm run bench -- cost\`, ${at}, ${machine}. ${options.orders} orders of each kind, ${options.rate} a second, after ${options.warmUp} to warm up; ` +
      'a Postgres server per service, one broker and the five apps share the machine with the client that places the orders, which is not counted.',
    '',
    ...variants.map(
      ({ name, what, repeated }) =>
        `- ${name}: ${what}${repeated === 0 ? '' : `; ${repeated} requests were repeated, the machine was busy`}`,
    ),
    '',
    'CPU in milliseconds, over what the process takes idle:',
    '',
    header,
    line,
    row('**CPU**', ...variants.map(({ cost }) => `**${text(sum(cost.cpuMs), 1)}**`)),
    ...processes.map((process) =>
      row(process, ...variants.map(({ cost }) => text(positive(cost.cpuMs.get(process)), 1))),
    ),
    '',
    'Storage in kB:',
    '',
    header,
    line,
    ...bytes('tables and indexes', ({ tables }) => tables),
    ...bytes('WAL', ({ wal }) => wal),
    ...bytes('streams, one replica', ({ streams }) => streams),
    ...bytes('logs', ({ logs }) => logs),
    '',
    `Each process idle, and at ${first.ratePerSecond.toFixed(1)} orders a second (${first.name}); memory of a Postgres server is that of all its processes together:`,
    '',
    row('process', 'idle: CPU, millicores', 'idle: MiB', 'load: CPU, millicores', 'load: most MiB'),
    row('---', '---:', '---:', '---:', '---:'),
    ...processes.map((process) =>
      row(
        process,
        text(milli(first.idleCores[process]), 0),
        text(first.idleMiB[process], 0),
        text(milli(first.loadCores[process]), 0),
        text(first.loadMiB[process], 0),
      ),
    ),
    '',
  ].join('\n');
}

/** Below what it took idle is noise. */
const positive = (figure: number | undefined): number | undefined =>
  figure === undefined ? undefined : Math.max(0, figure);

const milli = (cores: number | undefined): number | undefined => (cores === undefined ? undefined : cores * 1_000);
