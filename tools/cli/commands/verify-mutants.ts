import type { Command } from 'commander';
import { DONE, FAILED } from '../exit-codes';
import { type Run, running } from '../run';

export function addVerifyMutants(parent: Command): void {
  parent
    .command('mutants')
    .argument('[names...]', 'mutants to run; all by default')
    .addHelpText('after', '\nExit code 1 when a mutant survives: no invariant was reported as violated.')
    .action(running(mutants));
}

async function mutants({ progress }: Run, names: readonly string[]): Promise<number> {
  const { runMutants } = await import('@rookery/verify/chaos/mutation-test');
  return (await runMutants(names, progress)) ? DONE : FAILED;
}
