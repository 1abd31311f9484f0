import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { eventually } from '@rookery/testing';
import { isAlive } from './stack/leftover';
import { repository } from './stack/repository';

const folder = mkdtempSync(join(tmpdir(), 'rookery-bootstrap-'));
const program = join(folder, 'program.mjs');
writeFileSync(program, 'console.log(process.pid); setInterval(() => undefined, 1_000);');
afterAll(() => rmSync(folder, { recursive: true }));

/** As npm runs a script: behind a shell that waits for it. */
async function runUnderShell(): Promise<{ readonly shell: ChildProcess; readonly pid: number }> {
  const command = `"${process.execPath}" tools/bootstrap.mjs "${relative(repository, program)}"; true`;
  const env = { ...process.env, NODE_OPTIONS: '', npm_lifecycle_event: 'start' };
  const shell = spawn('sh', ['-c', command], { cwd: repository, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve) =>
    shell.stdout.once('data', (data: Buffer) => resolve(data.toString())),
  );
  return { shell, pid: Number(line) };
}

describe('a program that npm runs', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('ends when npm’s shell is ended by %s', async (signal) => {
    const { shell, pid } = await runUnderShell();
    expect(isAlive(pid)).toBe(true);
    shell.kill(signal);
    await eventually(() => expect(isAlive(pid)).toBe(false));
  });
});
