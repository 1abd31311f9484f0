import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { lockHolder } from '@rookery/devkit/stack/data-lock';
import { readSettings } from '@rookery/devkit/stack/settings';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { running } from '../run';

/** A downloaded nats-server is not data. */
const KEPT = new Set(['bin']);

export function addReset(parent: Command): void {
  parent
    .command('reset')
    .addHelpText(
      'after',
      '\nThe data is in .data, or in the folder that ROOKERY_DATA_DIR names. No stack may run on it.',
    )
    .action(running(reset));
}

async function reset(): Promise<undefined> {
  const { dataFolder } = readSettings();
  const holder = lockHolder(dataFolder);
  if (holder !== undefined) {
    throw new UserError(
      `A stack runs on ${dataFolder} (process ${holder}).`,
      `Stop it first: Ctrl-C in its terminal, or kill ${holder}`,
    );
  }
  const entries = existsSync(dataFolder) ? readdirSync(dataFolder).filter((entry) => !KEPT.has(entry)) : [];
  for (const entry of entries) {
    rmSync(join(dataFolder, entry), { recursive: true, force: true });
  }
  process.stderr.write(
    entries.length === 0
      ? `${dataFolder} is empty already.\n`
      : `Databases, events, secrets and logs in ${dataFolder} are gone; a downloaded nats-server stays.\n`,
  );
}
