import { spawn, type StdioOptions } from 'node:child_process';
import { repository } from '@rookery/devkit/stack/repository';
import { FAILED } from './exit-codes';
import type { Run } from './run';

interface ChildOptions {
  readonly stdio?: StdioOptions;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program on the terminal of this one. Result: its exit code. Ctrl-C ends it as well. */
export async function runChild(
  { shutdown }: Run,
  command: string,
  args: readonly string[],
  { stdio = 'inherit', env = {} }: ChildOptions = {},
): Promise<number> {
  const child = spawn(command, args, { cwd: repository, stdio, env: { ...process.env, ...env } });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? FAILED));
  });
  shutdown.afterwards(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill();
    }
    await ended;
  });
  return ended;
}

/** Arguments that make Node run Jest with ES modules. */
export const JEST = [
  '--experimental-vm-modules',
  '--no-warnings',
  `${repository}/node_modules/jest/bin/jest.js`,
] as const;
