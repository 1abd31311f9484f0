import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';

/** The core that a load is offered from, as `taskset` names it. */
export const lastCore = (): string => String(cpus().length - 1);

/** All others. */
export const otherCores = (): string => (cpus().length > 2 ? `0-${cpus().length - 2}` : '0');

/**
 * Keeps a process, all its threads and what it will start to the cores, so that the client takes nothing from the servers, as if it
 * were another machine. Says whether it could: macOS has no such command, and one core is not to be shared out.
 */
export function keepTo(cores: string, pid: number): boolean {
  if (cpus().length < 2) return false;
  return (
    spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, String(pid)], { stdio: 'ignore' }).status === 0
  );
}
