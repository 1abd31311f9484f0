import { type ChaosResult, whatHappened } from './run';

/** More of one kind tell nothing new. */
const MOST_VIOLATIONS = 40;

const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/** The result of a run for people, in Markdown. */
export function markdownOf(result: ChaosResult): string {
  const { seed, seconds, rate, faults, orders, answers, cancellations, drainedAfterMs, violations, folder } = result;
  const { slowestMs, customersLateMs } = result;
  return [
    `# Chaos run, seed ${seed}`,
    '',
    `${rate} orders/s for ${seconds} s; ${cancellations} cancellations asked for. At rest ${drainedAfterMs ?? 'never'} ms after the load and the last fault. **${violations.length} violations.**`,
    '',
    row('fault', 'at (s)', 'took (ms)', 'recovered after (ms)', 'what'),
    row('---', '---', '---', '---', '---'),
    ...faults.map((fault) =>
      row(fault.name, fault.at, fault.tookMs, fault.recoveredMs ?? 'not in time', whatHappened(fault)),
    ),
    '',
    row('orders', 'count'),
    row('---', '---'),
    ...Object.entries(orders).map(([ending, count]) => row(ending, count)),
    '',
    row('answer', 'count'),
    row('---', '---'),
    ...Object.entries(answers).map(([status, count]) => row(status, count)),
    '',
    `The slowest answer took ${slowestMs} ms; the customers' own process was ${customersLateMs} ms late at worst.`,
    '',
    ...(violations.length === 0 ? ['No violation of I1-I12.'] : ['Violations:', '']),
    ...violations.slice(0, MOST_VIOLATIONS).map(({ invariant, what }) => `- ${invariant}: ${what}`),
    ...(violations.length > MOST_VIOLATIONS ? [`- … and ${violations.length - MOST_VIOLATIONS} more`] : []),
    ...(folder === undefined ? [] : ['', `Databases and logs: ${folder}`]),
    '',
  ].join('\n');
}

/** A line for each run of a series, in Markdown. */
export function seriesOf(results: readonly ChaosResult[]): string {
  return [
    row('seed', 'faults', 'orders', 'slowest recovery (s)', 'at rest after (s)', 'violations'),
    row('---', '---', '---', '---', '---', '---'),
    ...results.map(({ seed, faults, orders, drainedAfterMs, violations }) =>
      row(
        seed,
        faults.map(({ name }) => name).join(', '),
        Object.values(orders).reduce((sum, count) => sum + count, 0),
        seconds(Math.max(0, ...faults.map(({ recoveredMs }) => recoveredMs ?? Infinity))),
        seconds(drainedAfterMs ?? Infinity),
        violations.length,
      ),
    ),
    '',
  ].join('\n');
}

const seconds = (ms: number): string => (Number.isFinite(ms) ? (ms / 1_000).toFixed(1) : 'never');
