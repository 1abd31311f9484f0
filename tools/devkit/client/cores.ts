import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

/** The core that a load is offered from, as `taskset` names it. */
export const lastCore = (): string => String(cpus().length - 1);

/** All other cores. */
export const otherCores = (): string => (cpus().length > 2 ? `0-${cpus().length - 2}` : '0');

/**
 * Keeps a process, its threads and its later children to some cores, so that the client takes no time from the servers, as if it ran on
 * another machine. Returns false where that is impossible: on macOS and with a single core.
 */
export function keepTo(cores: string, pid: number): boolean {
  if (cpus().length < 2) {
    return false;
  }
  return (
    spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' }).status === 0
  );
}
