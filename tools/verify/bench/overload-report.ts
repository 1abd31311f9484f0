import { type Kind, MIX, ORDERS_PER_SECOND, READS, type Seen } from '@rookery/devkit/client/open-loop';
import { median, type Report, whole } from './report';

/** An answer that comes later is of no use to a customer. */
export const USEFUL_WITHIN_MS = 1_000;
/** A client that was later than this itself has not measured the servers. */
const CLIENT_LATE_MS = 50;

/** One load as it was answered. */
export interface Phase {
  readonly offeredPerSecond: number;
  /** Successful answers within `USEFUL_WITHIN_MS`, per second. */
  readonly goodput: number;
  /** Of the admitted requests, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Shares of all requests: refused with 503 and Retry-After, and everything else without success. */
  readonly refused: number;
  readonly failed: number;
  /** Share of each kind that was admitted. */
  readonly admitted: Readonly<Record<Kind, number>>;
  readonly clientLateMs: number;
}

/** What the bench found out: each of these once per round. */
export interface OverloadResult {
  readonly at: string;
  readonly machine: string;
  readonly seconds: number;
  /** Whether the client had a core that the servers had not. */
  readonly ownCore: boolean;
  /** The search for the peak: loads in the order in which they were tried. */
  readonly search: readonly Phase[];
  readonly peak: readonly Phase[];
  readonly overload: readonly Phase[];
  /** The same system by a gateway with LOAD_SHEDDING=off. */
  readonly peer: readonly Phase[];
  /** With twice the orders as well. */
  readonly orders: readonly Phase[];
  /** Orders answered with 201 in all phases, and how many of them were Confirmed when everything had come to rest. */
  readonly placed: number;
  readonly confirmed: number;
}

/** Sums a client's figures up. */
export function phaseOf({ kinds, clientLateMs }: Seen, seconds: number): Phase {
  const latencies = kinds.flatMap(({ latenciesMs }) => latenciesMs).toSorted((a, b) => a - b);
  const sum = (field: 'offered' | 'refused' | 'failed'): number => kinds.reduce((all, kind) => all + kind[field], 0);
  const offered = sum('offered');
  const share = (name: Kind): number => {
    const kind = kinds.find((one) => one.kind === name);
    return kind === undefined || kind.offered === 0 ? Number.NaN : kind.admitted / kind.offered;
  };
  return {
    offeredPerSecond: offered / seconds,
    goodput: latencies.filter((ms) => ms <= USEFUL_WITHIN_MS).length / seconds,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    refused: sum('refused') / offered,
    failed: sum('failed') / offered,
    admitted: { product: share('product'), order: share('order'), place: share('place') },
    clientLateMs,
  };
}

/** Of figures in ascending order; NaN of none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

const over = (phases: readonly Phase[], field: 'goodput' | 'p50Ms' | 'p99Ms' | 'refused' | 'failed'): number =>
  median(phases.map((phase) => phase[field]));

/** The two ratios that it is about, of medians: goodput and p99 at twice the capacity, each to that at the peak. */
export function ratiosOf(
  peak: readonly Phase[],
  overload: readonly Phase[],
): { readonly goodput: number; readonly p99: number } {
  return {
    goodput: over(overload, 'goodput') / over(peak, 'goodput'),
    p99: over(overload, 'p99Ms') / over(peak, 'p99Ms'),
  };
}

const row = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const percent = (share: number): string => (Number.isNaN(share) ? '–' : `${Math.round(share * 100)} %`);

/** The result for people and for programs. */
export function overloadReport(result: OverloadResult): Report {
  const ratios = ratiosOf(result.peak, result.overload);
  return {
    json: { ...result, ratios, peerRatios: ratiosOf(result.peak, result.peer) },
    markdown: markdownOf(result),
  };
}

function markdownOf(result: OverloadResult): string {
  const { at, machine, seconds, ownCore, peak, overload, peer, orders } = result;
  const line = (name: string, phases: readonly Phase[], isPeak: boolean): string => {
    const ratios = ratiosOf(peak, phases);
    return row(
      name,
      whole(median(phases.map(({ offeredPerSecond }) => offeredPerSecond))),
      `${whole(over(phases, 'goodput'))} (${phases.map(({ goodput }) => whole(goodput)).join(' · ')})`,
      isPeak ? '' : `${ratios.goodput.toFixed(2)} ×`,
      whole(over(phases, 'p50Ms')),
      `${whole(over(phases, 'p99Ms'))} (${phases.map(({ p99Ms }) => whole(p99Ms)).join(' · ')})`,
      isPeak ? '' : `${ratios.p99.toFixed(2)} ×`,
      percent(over(phases, 'refused')),
      percent(over(phases, 'failed')),
    );
  };
  const admitted = (name: string, phases: readonly Phase[]): string =>
    row(name, ...MIX.map(({ kind }) => percent(median(phases.map((phase) => phase.admitted[kind])))));
  return [
    '# overload',
    '',
    `\`npm run bench -- overload\`, ${at}, ${machine}. ${READS.map(({ share, what }) => `${percent(share)} ${what}`).join(', ')}, and ${ORDERS_PER_SECOND} orders placed a second; ${seconds} s a phase, ` +
      `open loop: requests come when they are due, answered or not, from a process of its own. Goodput: successful answers within ${USEFUL_WITHIN_MS} ms. ` +
      'Latency is that of the admitted requests, from when they were due. ' +
      (ownCore
        ? 'The client has a core of its own, as if it were another machine; apps, Postgres servers and broker share the others.'
        : 'Apps, Postgres servers, broker and client share the machine.'),
    '',
    row(
      'medians (rounds)',
      'offered/s',
      'goodput/s',
      'to the peak',
      'p50 ms',
      'p99 ms',
      'to the peak',
      'refused',
      'failed',
    ),
    row('---', '---:', '---:', '---:', '---:', '---:', '---:', '---:', '---:'),
    line('**at the peak**', peak, true),
    line('**twice the capacity**', overload, false),
    line('the same, LOAD_SHEDDING=off', peer, false),
    line('twice the orders too', orders, false),
    '',
    row('admitted of', ...MIX.map(({ what }) => what)),
    row('---', ...MIX.map(() => '---:')),
    admitted('at the peak', peak),
    admitted('twice the capacity', overload),
    admitted('the same, LOAD_SHEDDING=off', peer),
    admitted('twice the orders too', orders),
    '',
    ...verdicts(result),
    '',
  ].join('\n');
}

/** One line for each promise: whether it was met, or why that is not decided. */
function verdicts({ search, peak, overload, peer, orders, placed, confirmed }: OverloadResult): readonly string[] {
  const ratios = ratiosOf(peak, overload);
  const clientLateMs = Math.max(...[...peak, ...overload, ...peer, ...orders].map((phase) => phase.clientLateMs));
  const verdict = (met: boolean): string => {
    if (clientLateMs > CLIENT_LATE_MS) {
      return 'not decided, the client was late itself: the machine has other things to do';
    }
    return met ? 'met' : '**missed**';
  };
  return [
    `- Goodput at twice the capacity at least 80 % of the peak: ${verdict(ratios.goodput >= 0.8)} (${percent(ratios.goodput)}).`,
    `- p99 of the admitted at most twice that at the peak: ${verdict(ratios.p99 <= 2)} (${ratios.p99.toFixed(2)} ×).`,
    `- ${whole(confirmed)} of the ${whole(placed)} orders taken were Confirmed when everything had come to rest.`,
    `- The peak was looked for at ${search.map(({ offeredPerSecond, goodput }) => `${whole(offeredPerSecond)} (${whole(goodput)})`).join(', ')} requests/s (goodput).`,
    `- The client’s own event loop was late by ${whole(clientLateMs)} ms at most (p99 of a phase).`,
  ];
}
