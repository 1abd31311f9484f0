import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { isAlive } from '@rookery/devkit/stack/leftover';
import { repository } from '@rookery/devkit/stack/repository';
import { eventually } from '@rookery/testing';

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

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });

describe('a program that npm runs', () => {
  it('takes the place of npm’s shell, so that a signal to npm reaches it', () => {
    const { scripts } = Manifest.parse(JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')));
    for (const command of Object.values(scripts)) {
      expect(command).toMatch(/^exec /);
    }
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends by a %s to the npm process', async (signal) => {
    // Answers nothing: the program waits for its log-in.
    const silent = createServer().listen(0, '127.0.0.1');
    const asked = once(silent, 'request');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const npm = spawn('npm', ['run', '-s', 'token', 'alice'], {
      cwd: repository,
      env: { ...process.env, NODE_OPTIONS: '', AUTH_URL: `http://127.0.0.1:${port}` },
      stdio: 'ignore',
    });
    const ended = once(npm, 'exit');
    await asked;
    npm.kill(signal);
    await ended;
    // Others on this machine may have connected as well: the port was free a moment ago.
    silent.closeAllConnections();
    silent.close();
    expect(npm.exitCode ?? npm.signalCode).not.toBe(0);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('ends when npm’s shell is ended by %s', async (signal) => {
    const { shell, pid } = await runUnderShell();
    expect(isAlive(pid)).toBe(true);
    shell.kill(signal);
    await eventually(() => expect(isAlive(pid)).toBe(false));
  });
});
