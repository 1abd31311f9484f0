import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { eventually } from '@rookery/testing';
import { isAlive } from './leftover';

const guard = fileURLToPath(new URL('./guard.mjs', import.meta.url));

/** A parent that starts a server under a guard, prints the server's process number and is then killed. */
const parent = `
  const { spawn } = require('node:child_process');
  const server = { command: process.execPath, args: ['-e', 'console.log(process.pid); setInterval(() => undefined, 1000)'], stopSignal: 'SIGTERM' };
  spawn(process.execPath, [${JSON.stringify(guard)}, JSON.stringify(server)], { stdio: ['pipe', 'inherit', 'inherit'], detached: true });
`;

describe('a guarded server', () => {
  it('ends when its parent is killed', async () => {
    const killed = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve) =>
      killed.stdout.once('data', (data: Buffer) => resolve(data.toString())),
    );
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    killed.kill('SIGKILL');
    await eventually(() => {
      expect(isAlive(pid)).toBe(false);
    });
  });
});
