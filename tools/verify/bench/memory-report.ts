import type { Caller } from '@rookery/contracts';
import type { BareStart } from './bare-start';
import type { ProcessMemory } from './process-use';
import { median, whole } from './report';

export interface MemoryBenchOptions {
  /** A commit whose system is measured by turns with that of this work tree. */
  readonly against?: string | undefined;
  readonly rounds: number;
  /** Time between readiness and the first look. */
  readonly idleSeconds: number;
  readonly orderSeconds: number;
  /** Orders that may be on their way at a time. */
  readonly inFlight: number;
}

/** One app in one round. */
export interface AppFigures {
  readonly app: Caller;
  readonly idle: ProcessMemory;
  /** The largest figures while orders are placed. */
  readonly underOrders: ProcessMemory;
  /** From `node main.js` to readiness. */
  readonly main: BareStart;
}

/** One round of one system. */
export interface MemoryRound {
  readonly npmStartMs: number;
  readonly ordersPerSecond: number;
  readonly apps: readonly AppFigures[];
}

/** What was measured of one system. */
export interface MemoryMeasured {
  readonly name: string;
  readonly rounds: readonly MemoryRound[];
}

type Kind = keyof ProcessMemory;

const KINDS: readonly (readonly [Kind, string])[] = [
  ['resident', 'resident (RSS)'],
  ['proportional', 'proportional share (PSS)'],
  ['privateDirty', 'private, written'],
];

/** Something that is read from a round; the table has the median of the rounds. */
type Read = (round: MemoryRound) => number;

/** For people, in Markdown: the first system is the one that it is about. */
export function memoryReport(
  circumstance: string,
  options: MemoryBenchOptions,
  measured: readonly MemoryMeasured[],
): string {
  const [own] = measured;
  const apps = own?.rounds[0]?.apps.map(({ app }) => app) ?? [];
  const row = (what: string, read: Read, digits = 0): string =>
    `| ${[what, ...measured.map((one) => cell(read, one, own, digits))].join(' | ')} |`;
  const rows = (read: (figures: AppFigures) => number): readonly string[] => [
    ...apps.map((app) => row(app, (round) => total(round.apps.filter((one) => one.app === app).map(read)))),
    row('**all five**', (round) => total(round.apps.map(read))),
  ];
  const table = (title: string, of: readonly string[]): readonly string[] => [
    `## ${title}`,
    '',
    `| | ${measured.map(({ name }) => name).join(' | ')} |`,
    `| --- |${' ---: |'.repeat(measured.length)}`,
    ...of,
    '',
  ];
  return [
    '# Memory and start',
    '',
    `${circumstance} ${options.rounds} rounds by turns, one system at a time; medians. In parentheses: the first system’s figure as a multiple of this one.`,
    '',
    ...KINDS.flatMap(([kind, what]) => [
      ...table(
        `Idle, ${options.idleSeconds} s after readiness: ${what}, MiB`,
        rows(({ idle }) => idle[kind]),
      ),
      ...table(
        `Under orders, the most in ${options.orderSeconds} s with ${options.inFlight} in flight: ${what}, MiB`,
        rows(({ underOrders }) => underOrders[kind]),
      ),
    ]),
    ...table(
      'From `node main.js` to readiness: CPU, ms',
      rows(({ main }) => main.cpuMs),
    ),
    ...table(
      'From `node main.js` to readiness, ms',
      rows(({ main }) => main.ms),
    ),
    ...table('Beside it', [
      row('warm `npm start` to readiness, ms', ({ npmStartMs }) => npmStartMs),
      row('orders/s while memory was read', ({ ordersPerSecond }) => ordersPerSecond, 1),
    ]),
    'Every order ended as Confirmed. Pages of Node’s program count for each process in RSS, and once for all in PSS: less, if other programs run on the same Node. What a process alone has written depends on no other.',
    '',
  ].join('\n');
}

function cell(read: Read, one: MemoryMeasured, own: MemoryMeasured | undefined, digits: number): string {
  const figure = median(one.rounds.map(read));
  if (Number.isNaN(figure)) {
    return 'not measured';
  }
  const text = digits === 0 ? whole(figure) : figure.toFixed(digits);
  return own === undefined || own === one ? text : `${text} (${(median(own.rounds.map(read)) / figure).toFixed(2)} ×)`;
}

const total = (figures: readonly number[]): number => figures.reduce((sum, figure) => sum + figure, 0);
