import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileSources } from '@rookery/devkit/stack/compile-sources';
import { repository } from '@rookery/devkit/stack/repository';
import { UserError } from '@rookery/devkit/terminal/user-error';

/** Sources of the peers. */
export const PEERS_FOLDER = join(repository, 'tools/verify/bench/peers');
/** Inside the repository, where the bundles find node_modules. */
const BUILT = join(repository, 'dist/peers');
const READY_WITHIN_MS = 60_000;
const KILL_AFTER_MS = 10_000;

/** Compiled before the start: a loader would take memory in their processes. */
export const buildPeers = (programs: readonly string[]): Promise<void> =>
  compileSources({ sources: programs.map((program) => `${program}.ts`), from: PEERS_FOLDER, to: BUILT });

/** One running program of a peer. */
export class PeerProgram {
  private constructor(
    private readonly child: ChildProcess,
    private readonly program: string,
    private readonly logFile: string,
  ) {}

  /** @throws {UserError} when the program does not say that it is ready */
  static async start(program: string, env: Readonly<Record<string, string>>, folder: string): Promise<PeerProgram> {
    const logFile = join(folder, `${program.replaceAll('/', '-')}.log`);
    const log = openSync(logFile, 'a');
    const dieWithParent = ['--import', join(repository, 'tools/devkit/stack/die-with-parent.mjs')];
    const child = spawn(process.execPath, [...dieWithParent, join(BUILT, `${program}.js`)], {
      stdio: ['ignore', log, log, 'ipc'],
      // Ctrl-C reaches the bench only, which stops them.
      detached: true,
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
    });
    closeSync(log);
    const started = new PeerProgram(child, program, logFile);
    const late = sleep(READY_WITHIN_MS, 'no answer', { ref: false });
    const ended = once(child, 'exit').then(() => 'it ended');
    const said = await Promise.race([once(child, 'message').then(() => 'ready'), ended, late]);
    if (said !== 'ready') {
      child.kill('SIGKILL');
      throw new UserError(`${program} did not start: ${said}.\n${started.lastLines()}`);
    }
    return started;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  private lastLines(): string {
    return readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-20).join('\n');
  }

  /** @throws {Error} with the end of its log when it had ended by itself */
  async stop(): Promise<void> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      const kill = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await ended;
      clearTimeout(kill);
    } else if (child.exitCode !== 0) {
      throw new Error(`${this.program} ended by itself:\n${this.lastLines()}`);
    }
  }
}
