import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, Callers, type Service, Services } from '@rookery/contracts';
import { runProgram } from '../terminal/run-program';
import { UserError } from '../terminal/user-error';
import type { AppEnv } from './app-env';
import { lastLines } from './guarded-process';
import { repository } from './repository';

/** Every app. */
export const APPS = Callers;
/** Those with a database. */
export const SERVICES = Services;
/** Everything that is built into an image: the apps, and the operator's program. */
export const IMAGES = [...APPS, 'operator'] as const;
export type ImageName = (typeof IMAGES)[number];

const READY_WITHIN_MS = 60_000;
/** More than the grace the apps give themselves. */
const KILL_AFTER_MS = 20_000;
/**
 * How V8 keeps its heap; the images have the same (decision 44). Young objects get room, so that those of an order die before they are moved. The rest
 * may grow by 60 % before it is collected: V8 would let a busy heap grow to four times what is in use.
 */
export const FRUGAL = {
  options: ['--max-semi-space-size=16', '--heap-growing-percent=60'],
  env: { MALLOC_ARENA_MAX: '2' },
} as const;
const loadedBefore = (file: string): readonly string[] => ['--import', join(repository, 'tools/devkit/stack', file)];
const sourceMaps = loadedBefore('source-maps.mjs');
const dieWithParent = loadedBefore('die-with-parent.mjs');

/** Where `nx build` puts the apps. */
const BUILT = join(repository, 'dist/apps');

const bundle = (app: Caller, file: string, apps = BUILT): string => {
  const path = join(apps, app, file);
  if (!existsSync(path)) {
    throw new UserError(`${path} is not built.`, `npx nx build ${app}`);
  }
  return path;
};

/**
 * What an app needs of our own environment, and what the user may set for it there. Not NODE_OPTIONS: they are meant for one process, and all apps
 * would fight over one inspector; ROOKERY_INSPECT opens one for each.
 */
const inherited = (env: AppEnv): NodeJS.ProcessEnv => ({ ...process.env, ...FRUGAL.env, NODE_OPTIONS: '', ...env });

/** One running app. */
export class AppProcess {
  private readonly child: ChildProcess;
  private stopping = false;
  readonly ended: Promise<number>;
  /** Settles when the process says that it is ready, or has ended. */
  private readonly saidReady: Promise<void>;

  constructor(
    readonly app: Caller,
    private readonly env: AppEnv,
    readonly logFile: string,
    /** Folder of the built apps. */
    apps = BUILT,
    /** Port on which a debugger can attach; none without it. */
    inspectorPort?: number,
  ) {
    const log = openSync(logFile, 'a');
    // A process group of its own: Ctrl-C reaches the stack only, which stops the apps before what they stand on.
    const inspect = inspectorPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectorPort}`];
    const options = [...FRUGAL.options, ...inspect, ...sourceMaps, ...dieWithParent];
    this.child = spawn(process.execPath, [...options, bundle(app, 'main.js', apps)], {
      stdio: ['ignore', log, log, 'ipc'],
      detached: true,
      env: inherited(env),
    });
    closeSync(log);
    this.saidReady = new Promise((resolve) => {
      this.child.once('message', () => resolve());
      this.child.once('error', () => resolve());
      this.child.once('exit', () => resolve());
    });
    this.ended = new Promise((resolve) => {
      this.child.once('error', () => resolve(127));
      this.child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get diedByItself(): boolean {
    return !this.stopping && (this.child.exitCode !== null || this.child.signalCode !== null);
  }

  /** Resolves when it says that it is ready. */
  async ready(signal?: AbortSignal): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    const url = `http://127.0.0.1:${this.env['PORT']}/readyz`;
    let answer = 'no answer';
    while (Date.now() < deadline) {
      if (this.diedByItself) {
        throw new UserError(this.exitReport());
      }
      if (signal?.aborted === true) {
        throw new UserError('Stopped while starting.');
      }
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
        answer = `${response.status} ${(await response.text()).slice(0, 500)}`;
        if (response.ok) {
          return;
        }
      } catch {
        answer = 'no answer';
      }
      await sleep(100);
    }
    throw new UserError(
      `${this.app} is not ready after ${READY_WITHIN_MS / 1_000} s; ${url}: ${answer}\nThe end of ${this.logFile}:\n${lastLines(this.logFile)}`,
    );
  }

  /** Resolves when this very process is ready, also when another one answers on its port. */
  async readyBesideAnother(): Promise<void> {
    await Promise.race([this.saidReady, sleep(READY_WITHIN_MS, undefined, { ref: false })]);
    if (this.diedByItself) {
      throw new UserError(this.exitReport());
    }
    await this.ready();
  }

  /** Kills it at once, as a crash would; resolves when it has ended. */
  async kill(): Promise<void> {
    this.stopping = true;
    this.child.kill('SIGKILL');
    await this.ended;
    if (this.child.connected) {
      this.child.disconnect();
    }
  }

  exitReport(): string {
    const { exitCode, signalCode } = this.child;
    const how = signalCode === null ? `exit code ${exitCode ?? 'unknown'}` : `killed by ${signalCode}`;
    return `The end of ${this.logFile}:\n${lastLines(this.logFile)}\n\n${this.app} ended by itself (${how}), so everything is stopped. Its log is above; \`npm start\` starts again with the data kept.`;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGTERM');
    }
    const killed = setTimeout(() => this.child.kill('SIGKILL'), KILL_AFTER_MS);
    await this.ended;
    clearTimeout(killed);
    if (this.child.connected) {
      this.child.disconnect();
    }
  }
}

/** Brings one service's database to its newest migration. */
export async function migrate(app: Service, env: AppEnv): Promise<void> {
  await runJob(app, 'migrate.js', env);
}

/**
 * Runs a job of a service's image, such as `jobs/recover.js`, and returns what it printed on stdout. A job has no time limit of its own: how long
 * it takes depends on the data.
 * @throws {UserError} when it is not built or fails
 */
export async function runJob(
  app: Service,
  job: string,
  env: AppEnv,
  { apps }: { readonly apps?: string | undefined } = {},
): Promise<string> {
  const args = [...sourceMaps, bundle(app, job, apps)];
  const { code, stdout, stderr } = await runProgram(process.execPath, args, { env: inherited(env) });
  if (code !== 0) {
    throw new UserError(`${job} of ${app} failed:\n${`${stdout}${stderr}`.trim()}`);
  }
  return stdout;
}
