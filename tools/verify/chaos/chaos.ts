import { buildApps } from '@rookery/devkit/stack/build';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { publishReport } from '../results/store-report';
import { faults, faultsNamed } from './faults/faults';
import { markdownOf, seriesOf } from './report';
import { type ChaosResult, runChaos } from './run';

export interface SeriesOptions {
  /** One run for each. */
  readonly seeds: readonly number[];
  /** Length of the load. */
  readonly seconds: number;
  /** Orders per second. */
  readonly rate: number;
  /** Names of the faults. @default all */
  readonly faults?: readonly string[];
  /** Keeps the data of the runs. */
  readonly keep?: boolean;
  /** Adds each report to docs/results. */
  readonly record?: boolean;
  readonly progress: Progress;
}

/** Prints every fault with what it does. */
export function printFaults(): void {
  for (const { name, what } of faults) {
    process.stdout.write(`${name.padEnd(20)} ${what}\n`);
  }
}

/**
 * Injects faults into an isolated stack under load and checks that nothing was lost. Reports go to `.data/chaos`. Result: whether every
 * invariant held in every run.
 * @throws {UserError} when there is no fault of a name
 */
export async function runSeries({ seeds, progress, record, ...options }: SeriesOptions): Promise<boolean> {
  const chosen = faultsNamed(options.faults ?? faults.map(({ name }) => name));
  await progress.step('build', () => buildApps());
  const results: ChaosResult[] = [];
  for (const [index, seed] of seeds.entries()) {
    progress.say(`chaos with seed ${seed}${seeds.length === 1 ? '' : `, run ${index + 1} of ${seeds.length}`}`);
    const result = await runChaos({ ...options, faults: chosen, seed, progress });
    results.push(result);
    const report = { kind: 'chaos', name: `seed-${seed}`, json: result, markdown: markdownOf(result) };
    await publishReport(report, { record, progress });
  }
  if (results.length > 1) {
    process.stdout.write(seriesOf(results));
  }
  return results.every(({ violations }) => violations.length === 0);
}
