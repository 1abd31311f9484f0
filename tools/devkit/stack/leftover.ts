import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { errorCode } from '../terminal/error-facts';
import { until } from '../terminal/until';
import { UserError } from '../terminal/user-error';

/** True while a process of that number runs. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    try {
      return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    } catch {
      return '';
    }
  }
}

/** True when that process runs and names this path in its command line: a reused number does not. */
export function isOurProcess(pid: number, path: string): boolean {
  return isAlive(pid) && commandLine(pid).includes(path);
}

/** Stops a server that a killed run left behind. */
export async function stopLeftover(pid: number, signal: NodeJS.Signals, name: string): Promise<void> {
  process.kill(pid, signal);
  if ((await until(() => !isAlive(pid), 15_000)) === undefined) {
    throw new UserError(`${name} (process ${pid}) does not stop.`, `End it by hand: kill -9 ${pid}`);
  }
}
