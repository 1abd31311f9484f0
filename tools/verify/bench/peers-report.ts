import { type FloorFigures, type Measure, measures, type SystemFigures } from './peers-figures';

/** How the systems were measured. */
export interface PeersSetting {
  readonly rounds: number;
  readonly orderSeconds: number;
  readonly readSeconds: number;
  readonly warmUpSeconds: number;
  /** Orders in flight. */
  readonly inFlight: number;
  /** Connections of the reads, one request in flight on each. */
  readonly connections: number;
}

/** All that a run has found out; the first system is the one that it is about. */
export interface PeersResult {
  readonly command: string;
  readonly at: string;
  readonly machine: string;
  readonly setting: PeersSetting;
  readonly systems: readonly [SystemFigures, ...SystemFigures[]];
  /** Or why there are none. */
  readonly floors: readonly FloorFigures[] | string;
}

const NOT_MEASURED = '–';
const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const shown = (figure: number, digits: number): string =>
  Number.isNaN(figure)
    ? NOT_MEASURED
    : figure.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const multiple = (ratio: number): string => (Number.isNaN(ratio) ? NOT_MEASURED : `${ratio.toFixed(2)} ×`);

/** For people, in Markdown: ratios first, for machines differ. */
export function peersReport(result: PeersResult): string {
  const { command, at, machine, setting, systems, floors } = result;
  const [own] = systems;
  const all = [...systems, ...(typeof floors === 'string' ? [] : floors)];
  const others = all.slice(1);
  return [
    '# Rookery beside its peers',
    '',
    `\`${command}\`, ${at}, ${machine}. ${setting.rounds} rounds by turns, medians. Orders: ${setting.inFlight} in flight for ${setting.orderSeconds} s. Reads: ${setting.connections} connections for ${setting.readSeconds} s. The client shares the cores with the servers.`,
    '',
    ...all.map(({ name, what }) => `- **${name}**: ${what}`),
    ...(typeof floors === 'string' ? [`- The floor in pgbench was skipped: ${floors}`] : []),
    '',
    `## ${own.name}, as a multiple of each`,
    '',
    row('', ...others.map(({ name }) => name)),
    row('---', ...others.map(() => '---:')),
    ...measures.map((measure) =>
      row(
        `${measure.name} (${measure.better} is better)`,
        ...others.map((other) => multiple(measure.of(own) / figureOf(measure, other))),
      ),
    ),
    '',
    '## Figures',
    '',
    row('', ...all.map(({ name }) => name)),
    row('---', ...all.map(() => '---:')),
    ...measures.map((measure) => row(measure.name, ...all.map((one) => shown(figureOf(measure, one), measure.digits)))),
    '',
    'Orders per second, round by round:',
    '',
    ...all.map(
      (one) =>
        `- ${one.name}: ${ratesOf(one)
          .map((rate) => rate.toFixed(0))
          .join(' · ')}`,
    ),
    '',
    ...systems
      .filter(({ refused }) => refused > 0)
      .flatMap(({ name, refused }) => [
        `${name} refused ${refused} reads with 503, and they were repeated: load shedding.`,
        '',
      ]),
    'Every answer had the expected status and body, every order ended as Confirmed, and the stock adds up. A peer without a cache has the same figure for a product that is kept and one that is not.',
    '',
  ].join('\n');
}

type Compared = FloorFigures | SystemFigures;

const figureOf = (measure: Measure, one: Compared): number =>
  'orders' in one ? measure.of(one) : (measure.ofFloor?.(one) ?? Number.NaN);

const ratesOf = (one: Compared): readonly number[] =>
  ('orders' in one ? one.orders : one.rounds).map(({ ordersPerSecond }) => ordersPerSecond);
