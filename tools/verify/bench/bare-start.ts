import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Caller } from '@rookery/contracts';
import { freePorts } from '@rookery/devkit/stack/ports';
import { cpuSecondsOf } from './process-use';
import type { StartedSystem } from './started-system';

/** What a start took. */
export interface BareStart {
  readonly ms: number;
  /** CPU time: unlike the other, it hardly depends on what else the machine does. NaN where the platform does not tell. */
  readonly cpuMs: number;
}

/**
 * From `node main.js` until one more process of an app says that it is ready, beside the running one. Without the source maps and the kept compiled
 * code of `npm start`.
 * @throws {Error} when the process ends before it is ready
 */
export async function bareStart({ folder, dataFolder }: StartedSystem, app: Caller): Promise<BareStart> {
  const [port] = await freePorts(1);
  const startedAt = performance.now();
  const child = spawn(process.execPath, [`--env-file=${join(dataFolder, 'env', `${app}.env`)}`, 'main.js'], {
    cwd: join(folder, 'dist/apps', app),
    // What is in the environment already wins over the file.
    env: { PATH: process.env['PATH'], PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaint = '';
  child.stderr?.on('data', (data: Buffer) => (complaint += data.toString()));
  const ended = once(child, 'exit');
  try {
    const said = await Promise.race([once(child, 'message').then(() => true), ended.then(() => false)]);
    if (!said) {
      throw new Error(`${app} ended before it was ready:\n${complaint.slice(-2_000)}`);
    }
    return { ms: performance.now() - startedAt, cpuMs: 1_000 * (cpuSecondsOf(child.pid) ?? Number.NaN) };
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}
