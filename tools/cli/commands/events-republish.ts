import type { Command } from 'commander';
import { runChild } from '../child';
import { running, type Run } from '../run';

interface Options {
  readonly service: string;
  readonly since: string;
}

export function addEventsRepublish(parent: Command): void {
  parent
    .command('republish')
    .requiredOption('--service <service>', 'orders, products, payments or all')
    .requiredOption('--since <time>', '30m, 1h, 2d or an RFC 3339 time')
    .addHelpText(
      'after',
      '\nThe relays publish the events again with their ids; consumers drop what they have handled.',
    )
    .action(running(republish));
}

const republish = (run: Run, { service, since }: Options): Promise<number> =>
  runChild(run, process.execPath, [
    '--import',
    'tsx',
    'tools/ops/outbox-republish.ts',
    `--service=${service}`,
    `--since=${since}`,
  ]);
