import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Resident memory of a process in MiB. */
export async function memoryOf(pid: number | undefined): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]);
  return Math.round(Number(stdout.trim()) / 1_024);
}
