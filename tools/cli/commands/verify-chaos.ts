import type { Command } from 'commander';
import type { SeriesOptions } from '@rookery/verify/chaos/chaos';
import { DONE, FAILED } from '../exit-codes';
import { anySeed, list, MAX_SEED, range, wholeNumber } from '../options';
import { type Run, running } from '../run';

interface Arguments extends Omit<SeriesOptions, 'progress' | 'seeds'> {
  readonly seed?: number;
  readonly seeds?: readonly number[];
  readonly list?: true;
}

export function addVerifyChaos(parent: Command): void {
  parent
    .command('chaos')
    .option('--seed <number>', 'of the run', wholeNumber(0, MAX_SEED))
    .option('--seeds <range>', 'one run for each, for example 1-20', range)
    .option('--seconds <number>', 'length of the load', wholeNumber(1, 3_600), 60)
    .option('--rate <number>', 'orders per second', wholeNumber(1, 1_000), 30)
    .option('--faults <names>', 'for example service-crash,poison; all by default', list)
    .option('--list', 'print the faults')
    .option('--keep', 'keep the data of the run')
    .option('--record', 'write the report to docs/results too, with date, commit and machine')
    .addHelpText('after', '\nReports go to .data/chaos. Exit code 1 when an invariant was violated.')
    .action(running(chaos));
}

async function chaos({ progress }: Run, { list: asked, seed = anySeed(), seeds = [seed], ...options }: Arguments) {
  const { printFaults, runSeries } = await import('@rookery/verify/chaos/chaos');
  if (asked === true) {
    printFaults();
    return DONE;
  }
  return (await runSeries({ ...options, seeds, progress })) ? DONE : FAILED;
}
