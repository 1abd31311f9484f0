import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { eventually } from '@rookery/testing';
import { cpuSecondsOf, familyOf, isAlive, membersOf, memoryOfProcess, pidIn, residentMiBOf } from './process-use';

const Memory = z.object({ resident: z.number(), proportional: z.number(), privateDirty: z.number() });

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

onLinux('a process of a family', () => {
  it('is found by the file that it runs, with its memory alone, until it has ended', async () => {
    const file = join(import.meta.dirname, 'process-use.spec.ts');
    const sleeper = ['-e', 'setInterval(() => {}, 1_000)', file];
    const code = `require('node:child_process').spawn(process.execPath, ${JSON.stringify(sleeper)}, { stdio: 'inherit' }); process.stdin.resume()`;
    const parent = spawn(process.execPath, ['-e', code], { stdio: ['pipe', 'ignore', 'inherit'] });
    const child = await eventually(() => z.number().parse(pidIn(parent.pid, 'bench/process-use.spec.ts')));
    try {
      expect(familyOf(parent.pid)).toEqual([parent.pid, child]);
      expect(pidIn(parent.pid, 'bench/other.ts')).toBeUndefined();
      const { resident, proportional, privateDirty } = Memory.parse(memoryOfProcess(child));
      expect(resident).toBeGreaterThan(proportional);
      expect(proportional).toBeGreaterThan(privateDirty);
      expect(privateDirty).toBeGreaterThan(1);
    } finally {
      process.kill(child, 'SIGKILL');
      parent.kill('SIGKILL');
      await once(parent, 'exit');
    }
    await eventually(() => expect(isAlive(child)).toBe(false));
    expect(memoryOfProcess(child)).toBeUndefined();
    expect(familyOf(parent.pid)).toEqual([]);
  });
});

describe('what no process uses', () => {
  it('is not measured', () => {
    expect([cpuSecondsOf(undefined), residentMiBOf(undefined), memoryOfProcess(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([membersOf(undefined), familyOf(undefined)]).toEqual([[], []]);
  });
});
