import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Caller, Callers, recordOf } from '@rookery/contracts';
import { Progress } from '../terminal/progress';
import { UserError } from '../terminal/user-error';
import { type AppEnv, type AppEnvOptions, appEnvs, type AppEnvs, writeEnvFiles } from './app-env';
import { AppProcess, APPS, migrate, SERVICES } from './app-process';
import type { Infrastructure } from './infrastructure';
import { inspectorPortOf } from './settings';

export interface StackOptions extends Omit<AppEnvOptions, 'databases' | 'broker'> {
  readonly infrastructure: Infrastructure;
  /** Logs and environment files go here. */
  readonly folder: string;
  readonly progress?: Progress;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
  /** Settings of single apps beyond the usual ones. */
  readonly extra?: Readonly<Partial<Record<Caller, AppEnv>>>;
  /** Apps that a debugger can attach to. */
  readonly inspect?: readonly Caller[];
}

/** Five running apps. */
export interface Stack {
  readonly envs: AppEnvs;
  readonly gatewayUrl: string;
  readonly authUrl: string;
  /** The running process of an app. */
  app(name: Caller): AppProcess;
  /**
   * Puts a new process with this environment in the place of the running one: the new one first, then the old one ends in good order.
   * When the new one does not get ready, the old one stays.
   */
  replace(name: Caller, env: AppEnv): Promise<void>;
  /** Resolves with what to tell the user when a process ends that should not. */
  readonly untilFailure: () => Promise<string>;
  /** Stops the apps, not what they stand on. */
  stop(): Promise<void>;
}

/** The apps' environment for this infrastructure, also written to `<folder>/env/<app>.env`. */
export function provideEnvs({ infrastructure, folder, extra = {}, ...options }: StackOptions): AppEnvs {
  const { databases, broker } = infrastructure;
  const envs = appEnvs({ ...options, databases, broker });
  const complete = recordOf(Callers, (app) => ({ ...envs[app], ...extra[app] }));
  writeEnvFiles(join(folder, 'env'), complete);
  return complete;
}

/** Brings each service's database to its newest migration. */
export async function migrateAll(envs: AppEnvs): Promise<void> {
  const results = await Promise.allSettled(SERVICES.map((service) => migrate(service, envs[service])));
  for (const result of results) {
    if (result.status === 'rejected') {
      throw result.reason;
    }
  }
}

/** Ten megabytes of yesterday's log are enough. */
function rotate(logFile: string): void {
  if (existsSync(logFile) && statSync(logFile).size > 10_000_000) {
    renameSync(logFile, `${logFile}.1`);
  }
}

/** Migrates and starts the five apps from dist/; resolves when all are ready. Stops what it started when one is not. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, infrastructure, inspect = [], ports, signal, progress = new Progress(true) } = options;
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  const envs = provideEnvs(options);
  await progress.step('migrations', () => migrateAll(envs));
  const running = new Map<Caller, AppProcess>();
  const start = (app: Caller, env: AppEnv): AppProcess => {
    const inspectorPort = inspect.includes(app) ? inspectorPortOf(app) : undefined;
    return new AppProcess(app, env, join(logs, `${app}.log`), undefined, inspectorPort);
  };
  const stop = async (): Promise<void> => {
    await Promise.all([...running.values()].map((app) => app.stop()));
  };
  const appNamed = (name: Caller): AppProcess => processOf(name, running);
  const replace = async (name: Caller, env: AppEnv): Promise<void> => {
    const former = appNamed(name);
    // Without a shared port there is a gap: the old one has to go first.
    if (env['SHARE_PORT'] !== 'true') {
      await former.stop();
    }
    const next = start(name, env);
    try {
      await next.readyBesideAnother();
    } catch (error) {
      await next.stop();
      throw error;
    }
    running.set(name, next);
    await former.stop();
  };
  try {
    await progress.step(`apps: ${APPS.join(', ')}`, async () => {
      for (const app of APPS) {
        rotate(join(logs, `${app}.log`));
        running.set(app, start(app, envs[app]));
      }
      await Promise.all([...running.values()].map((app) => app.ready(signal)));
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const untilFailure = () =>
    Promise.race([untilServerEnds(infrastructure), ...APPS.map((name) => untilEnds(name, running))]);
  return {
    envs,
    gatewayUrl: `http://localhost:${ports.gateway}`,
    authUrl: `http://localhost:${ports.auth}`,
    app: appNamed,
    replace,
    untilFailure,
    stop,
  };
}

function processOf(name: Caller, running: ReadonlyMap<Caller, AppProcess>): AppProcess {
  const process = running.get(name);
  if (process === undefined) {
    throw new UserError(`${name} does not run`);
  }
  return process;
}

/** Resolves with the exit report of an app that ends by itself. One that was replaced ends because it should. */
async function untilEnds(name: Caller, running: ReadonlyMap<Caller, AppProcess>): Promise<string> {
  for (;;) {
    const process = processOf(name, running);
    await process.ended;
    if (running.get(name) === process) {
      return process.exitReport();
    }
  }
}

/** Resolves with what to tell the user when a server of our own ends by itself. */
export function untilServerEnds({ servers }: Infrastructure): Promise<string> {
  return Promise.race([
    new Promise<string>(() => undefined),
    ...servers.map(async ({ name, process }) => {
      await process.ended;
      return `The end of ${process.logFile}:\n${process.lastLines()}\n\n${name} ended by itself, so everything is stopped. Its log is above; \`npm start\` starts again with the data kept.`;
    }),
  ]);
}
