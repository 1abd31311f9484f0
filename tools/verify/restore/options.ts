import { parseArgs } from 'node:util';
import type { Service } from '@rookery/contracts';
import { SERVICES } from '@rookery/devkit/stack/app-process';
import { helpWhenAsked } from '@rookery/devkit/terminal/help';
import { StackError } from '@rookery/devkit/terminal/stack-error';

/** What `npm run drill:restore` was asked for. */
export interface CommandLine {
  readonly service: Service;
  readonly loseWal: boolean;
  readonly keep: boolean;
}

const USAGE = `Usage: npm run drill:restore -- [--service ${SERVICES.join('|')}] [--lose-wal] [--keep]`;

/** Reads the arguments; throws a StackError that says what is wrong with them. */
export function readCommandLine(args: readonly string[]): CommandLine {
  helpWhenAsked(USAGE, args);
  const { service: name = 'orders', 'lose-wal': loseWal = false, keep = false } = parsed(args);
  const service = SERVICES.find((one) => one === name);
  if (service === undefined) throw new StackError(`--service ${JSON.stringify(name)} has no database.`, USAGE);
  return { service, loseWal, keep };
}

function parsed(args: readonly string[]) {
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({ args: [...args], options: { service: { type: 'string' }, 'lose-wal': flag, keep: flag } })
      .values;
  } catch (error) {
    throw new StackError(error instanceof Error ? error.message : String(error), USAGE);
  }
}
