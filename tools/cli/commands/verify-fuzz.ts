import type { Command } from 'commander';
import type { FuzzOptions } from '@rookery/verify/fuzz/fuzz';
import { DONE, FAILED } from '../exit-codes';
import { anySeed, MAX_SEED, wholeNumber } from '../options';
import { type Run, running } from '../run';

type Options = Pick<FuzzOptions, 'cases' | 'from'> & Partial<FuzzOptions>;

export function addVerifyFuzz(parent: Command): void {
  parent
    .command('fuzz')
    .option('--seed <number>', 'of the cases', wholeNumber(0, MAX_SEED))
    .option('--cases <number>', 'how many', wholeNumber(1, MAX_SEED), 10_000)
    .option('--from <number>', 'first case, to repeat one that failed', wholeNumber(0, MAX_SEED), 0)
    .addHelpText('after', '\nExit code 1 when an answer is not as the OpenAPI document says.')
    .action(running(fuzz));
}

async function fuzz({ progress }: Run, { seed = anySeed(), cases, from }: Options): Promise<number> {
  const { fuzzStack } = await import('@rookery/verify/fuzz/fuzz');
  return (await fuzzStack({ seed, cases, from }, progress)) ? DONE : FAILED;
}
