import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lockHolder } from '@rookery/devkit/stack/data-lock';
import { takesNoArguments } from '@rookery/devkit/terminal/help';
import { printFailure } from '@rookery/devkit/terminal/progress';
import { readSettings } from '@rookery/devkit/stack/settings';
import { StackError } from '@rookery/devkit/terminal/stack-error';

/** A fetched nats-server is no data. */
const KEPT = new Set(['bin']);

const usage = `Usage: npm run reset
Deletes databases, events, secrets and logs of \`npm start\`, in .data unless ROOKERY_DATA_DIR names another folder.`;

try {
  takesNoArguments(usage);
  const { dataFolder } = readSettings();
  const holder = lockHolder(dataFolder);
  if (holder !== undefined) {
    throw new StackError(
      `A stack runs on ${dataFolder} (process ${holder}).`,
      `Stop it first: Ctrl-C in its terminal, or kill ${holder}`,
    );
  }
  const entries = existsSync(dataFolder) ? readdirSync(dataFolder).filter((entry) => !KEPT.has(entry)) : [];
  for (const entry of entries) rmSync(join(dataFolder, entry), { recursive: true, force: true });
  process.stderr.write(
    entries.length === 0
      ? `${dataFolder} is empty already.\n`
      : `Databases, events, secrets and logs in ${dataFolder} are gone; a fetched nats-server stays.\n`,
  );
} catch (error) {
  printFailure(error);
  process.exit(1);
}
