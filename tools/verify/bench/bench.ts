import type { Progress } from '@rookery/devkit/terminal/progress';
import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { configureLogger } from '@rookery/platform';
import { publishReport } from '../results/store-report';
import { costBench } from './cost-bench';
import { latencyBench } from './latency-bench';
import { memoryBench } from './memory-bench';
import { ordersBench } from './orders-bench';
import { overloadBench } from './overload-bench';
import { peersBench } from './peers-bench';
import { quickBench } from './quick-bench';
import { relayBench } from './relay-bench';
import type { Report } from './report';
import { scaleBench } from './scale-bench';

/** How the benches run. */
export interface BenchOptions {
  /** Whether to write the report to `docs/results` as well. */
  readonly record?: boolean;
  /** A commit to compare with, for benches that do. */
  readonly against?: string | undefined;
  /** The short run beside two peers, with a judgement, instead of the benches. */
  readonly quick?: boolean;
}

/** Something that is measured, on servers of its own. */
export interface Bench {
  readonly name: string;
  readonly what: string;
  run(progress: Progress, options: BenchOptions): Promise<Report>;
}

const benches: readonly Bench[] = [
  ordersBench,
  latencyBench,
  peersBench,
  memoryBench,
  scaleBench,
  relayBench,
  costBench,
  overloadBench,
];

/** Prints every bench with what it measures. */
export function printBenches(): void {
  for (const { name, what } of benches) {
    process.stdout.write(`${name.padEnd(12)} ${what}\n`);
  }
}

/**
 * Runs the named benches, or all, or the quick one, and writes their reports to `.data/bench`.
 * @throws {UserError} when there is no bench of a name, and when the quick one finds a ratio that has halved
 */
export async function runBenches(names: readonly string[], progress: Progress, options: BenchOptions): Promise<void> {
  const { record = false, quick = false } = options;
  if (quick && (names.length > 0 || options.against !== undefined)) {
    throw new UserError('--quick is a run of its own.', 'Leave the names and --against out.', WRONG_USAGE);
  }
  const chosen = names.length === 0 ? benches : names.map(benchNamed);
  configureLogger('bench', 'error');
  if (quick) {
    await quickBench(progress, { record });
    return;
  }
  for (const bench of chosen) {
    progress.say(`${bench.name}: ${bench.what}`);
    await publishReport(
      { kind: 'bench', name: bench.name, ...(await bench.run(progress, options)) },
      { record, progress },
    );
  }
}

function benchNamed(name: string): Bench {
  const bench = benches.find((one) => one.name === name);
  if (bench === undefined) {
    throw new UserError(`There is no bench ${name}.`, 'npm run bench -- --list', WRONG_USAGE);
  }
  return bench;
}
