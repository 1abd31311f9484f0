import type { Command } from 'commander';
import { runChild } from '../child';
import { wholeNumber } from '../options';
import { running, type Run } from '../run';

const MAX_GRACE_SECONDS = 999_999;

export function addRestore(parent: Command): void {
  parent
    .command('restore')
    .argument('<service>', 'auth, products, orders or payments')
    .option('--grace <seconds>', 'time that Pending orders get from now', wholeNumber(1, MAX_GRACE_SECONDS), 600)
    .addHelpText(
      'after',
      `
Run it after the database of the service was restored and before the service starts. Lost orders are recovered from their stream, and the
service's durable consumers are deleted, so that every event is delivered again.
NATS_URL and NATS_NKEY_SEED name the broker's admin, DATABASE_URL_<SERVICE> the database; orders also needs DATABASE_URL_PRODUCTS.`,
    )
    .action(running(restore));
}

const restore = (run: Run, service: string, { grace }: { readonly grace: number }): Promise<number> =>
  runChild(run, process.execPath, [
    '--import',
    'tsx',
    'tools/ops/recover.ts',
    `--service=${service}`,
    `--grace=${grace}`,
  ]);
