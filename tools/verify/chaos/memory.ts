import { outputOf } from '@rookery/devkit/terminal/run-program';

/** Resident memory of a process in MiB. */
export const memoryOf = async (pid: number | undefined): Promise<number> =>
  Math.round(Number(await outputOf('ps', ['-o', 'rss=', '-p', String(pid)])) / 1_024);
