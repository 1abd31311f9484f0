import type { Progress } from '@rookery/devkit/terminal/progress';
import { UserError, WRONG_USAGE } from '@rookery/devkit/terminal/user-error';
import { configureLogger } from '@rookery/platform';
import { publishReport } from '../results/store-report';
import { costBench } from './cost-bench';
import { ordersBench } from './orders-bench';
import { overloadBench } from './overload-bench';
import { relayBench } from './relay-bench';
import type { Report } from './report';
import { scaleBench } from './scale-bench';

/** How the benches run. */
export interface BenchOptions {
  /** Whether to write the report to `docs/results` as well. */
  readonly record?: boolean;
  /** A commit to compare with, for benches that do. */
  readonly against?: string | undefined;
}

/** Something that is measured, on servers of its own. */
export interface Bench {
  readonly name: string;
  readonly what: string;
  run(progress: Progress, options: BenchOptions): Promise<Report>;
}

const benches: readonly Bench[] = [ordersBench, relayBench, costBench, overloadBench, scaleBench];

/** Prints every bench with what it measures. */
export function printBenches(): void {
  for (const { name, what } of benches) {
    process.stdout.write(`${name.padEnd(12)} ${what}\n`);
  }
}

/**
 * Runs the named benches, or all, and writes their reports to `.data/bench`.
 * @throws {UserError} when there is no bench of a name
 */
export async function runBenches(names: readonly string[], progress: Progress, options: BenchOptions): Promise<void> {
  const { record = false } = options;
  const chosen = names.length === 0 ? benches : names.map(benchNamed);
  configureLogger('bench', 'error');
  for (const bench of chosen) {
    progress.say(`${bench.name}: ${bench.what}`);
    publishReport({ kind: 'bench', name: bench.name, ...(await bench.run(progress, options)) }, { record, progress });
  }
}

function benchNamed(name: string): Bench {
  const bench = benches.find((one) => one.name === name);
  if (bench === undefined) {
    throw new UserError(`There is no bench ${name}.`, 'npm run bench -- --list', WRONG_USAGE);
  }
  return bench;
}
