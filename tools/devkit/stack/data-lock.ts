import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCode, errorReason } from '../terminal/error-facts';
import { UserError } from '../terminal/user-error';
import { isOurProcess } from './leftover';

/** Every program that holds the lock has this in its command line. */
const OURS = 'tools/cli';

/** Process that holds the data folder now; undefined when none does. */
export function lockHolder(dataFolder: string, marker = OURS): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(dataFolder, 'lock'), 'utf8'), 10);
    return isOurProcess(pid, marker) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * One stack per data folder. A lock whose process is gone is taken over, with a message; a living one is an error.
 * Returns what gives the lock back.
 */
export function lockDataFolder(dataFolder: string, say: (message: string) => void, marker = OURS): () => void {
  makeFolder(dataFolder);
  const file = join(dataFolder, 'lock');
  for (;;) {
    try {
      const handle = openSync(file, 'wx');
      writeFileSync(handle, `${process.pid}\n`);
      closeSync(handle);
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') {
        throw unusable(dataFolder, error);
      }
      const holder = lockHolder(dataFolder, marker);
      if (holder !== undefined) {
        throw new UserError(
          `A stack already runs on ${dataFolder} (process ${holder}).`,
          `Stop it with Ctrl-C in its terminal or \`kill ${holder}\`; or set ROOKERY_DATA_DIR and other ports for a second one.`,
        );
      }
      say(`taking over ${dataFolder} from a run that was killed`);
      rmSync(file, { force: true });
    }
  }
}

function makeFolder(dataFolder: string): void {
  try {
    mkdirSync(dataFolder, { recursive: true });
  } catch (error) {
    throw unusable(dataFolder, error);
  }
}

const unusable = (dataFolder: string, error: unknown): UserError =>
  new UserError(
    `The data folder ${dataFolder} cannot be written: ${errorReason(error)}.`,
    'Mend its owner or free its disk, or set ROOKERY_DATA_DIR to another folder.',
  );
