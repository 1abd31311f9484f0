import { type Command, Option } from 'commander';
import { Services } from '@rookery/contracts';
import type { testRestore } from '@rookery/verify/restore/restore';
import { DONE, FAILED } from '../exit-codes';
import { type Run, running } from '../run';

type Arguments = Omit<Parameters<typeof testRestore>[0], 'progress'>;

export function addVerifyRestore(parent: Command): void {
  parent
    .command('restore')
    .addOption(new Option('--service <service>', 'whose database is lost').choices(Services).default('orders'))
    .option('--lose-wal', 'lose the write-ahead log as well, so that only the base backup is left')
    .option('--keep', 'keep the data of the run')
    .option('--record', 'write the report to docs/results too, with date, commit and machine')
    .addHelpText('after', '\nReports go to .data/restore. Exit code 1 when a promise was broken.')
    .action(running(restore));
}

async function restore({ progress }: Run, options: Arguments): Promise<number> {
  const { testRestore } = await import('@rookery/verify/restore/restore');
  return (await testRestore({ ...options, progress })) ? DONE : FAILED;
}
