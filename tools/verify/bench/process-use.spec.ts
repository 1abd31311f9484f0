import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { eventually } from '@rookery/testing';
import { cpuSecondsOf, membersOf, residentMiBOf } from './process-use';

const onLinux = existsSync('/proc/self/stat') ? describe : describe.skip;

onLinux('what a process uses', () => {
  it('has the CPU of its children in it, also when they have ended, and the memory of those that live', async () => {
    const busy = 'while (process.cpuUsage().user < 300_000); process.exit()';
    const parent = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(busy)}]); process.stdin.resume()`;
    const child = spawn(process.execPath, ['-e', parent], { stdio: ['pipe', 'ignore', 'inherit'] });
    try {
      await eventually(() => expect(cpuSecondsOf(child.pid)).toBeGreaterThan(0.2), { timeoutMs: 20_000 });
      expect(residentMiBOf(child.pid)).toBeGreaterThan(5);
      const commands = membersOf(child.pid).map(({ pid, command }) => [pid, command.includes('spawnSync')]);
      expect(commands).toContainEqual([child.pid, true]);
    } finally {
      child.kill();
      await once(child, 'exit');
    }
    expect(cpuSecondsOf(child.pid)).toBeUndefined();
  });
});

describe('what no process uses', () => {
  it('is not measured', () => {
    expect([cpuSecondsOf(undefined), residentMiBOf(undefined), membersOf(undefined)]).toEqual([
      undefined,
      undefined,
      [],
    ]);
  });
});
