import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { appEnvs, writeEnvFiles, type AppEnv, type AppEnvOptions, type AppEnvs } from './app-env';
import { AppProcess, APPS, migrate, SERVICES } from './app-process';
import type { Caller } from '@rookery/contracts';
import type { Infrastructure } from './infrastructure';
import { Progress } from './progress';
import { StackError } from './stack-error';

export interface StackOptions extends Omit<AppEnvOptions, 'databases' | 'broker'> {
  readonly infrastructure: Infrastructure;
  /** Logs and environment files go here. */
  readonly folder: string;
  readonly progress?: Progress;
  /** Gives the start up. */
  readonly signal?: AbortSignal;
  /** Settings of single apps beyond the usual ones. */
  readonly extra?: Readonly<Partial<Record<Caller, AppEnv>>>;
}

/** Five running apps. */
export interface Stack {
  readonly envs: AppEnvs;
  readonly gatewayUrl: string;
  readonly authUrl: string;
  /** The running process of an app. */
  app(name: Caller): AppProcess;
  /** Resolves with what to tell the user when a process ends that should not. */
  readonly untilFailure: () => Promise<string>;
  /** Stops the apps, not what they stand on. */
  stop(): Promise<void>;
}

/** The apps' environment for this infrastructure, also written to `<folder>/env/<app>.env`. */
export function provideEnvs({ infrastructure, folder, extra = {}, ...options }: StackOptions): AppEnvs {
  const { databases, broker } = infrastructure;
  const envs = appEnvs({ ...options, databases, broker });
  const complete = {
    gateway: { ...envs.gateway, ...extra.gateway },
    auth: { ...envs.auth, ...extra.auth },
    products: { ...envs.products, ...extra.products },
    orders: { ...envs.orders, ...extra.orders },
    payments: { ...envs.payments, ...extra.payments },
  };
  writeEnvFiles(join(folder, 'env'), complete);
  return complete;
}

/** Brings the four databases to their newest migration. */
export async function migrateAll(envs: AppEnvs): Promise<void> {
  const results = await Promise.allSettled(SERVICES.map((service) => migrate(service, envs[service])));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Ten megabytes of yesterday's log are enough. */
function rotate(logFile: string): void {
  if (existsSync(logFile) && statSync(logFile).size > 10_000_000) renameSync(logFile, `${logFile}.1`);
}

/** Migrates and starts the five apps from dist/; resolves when all are ready. Stops what it started when one is not. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { folder, infrastructure, ports, signal, progress = new Progress(true) } = options;
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  const envs = provideEnvs(options);
  await progress.step('migrations', () => migrateAll(envs));
  const running: AppProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((app) => app.stop()));
  };
  try {
    await progress.step(`apps: ${APPS.join(', ')}`, async () => {
      for (const app of APPS) {
        const logFile = join(logs, `${app}.log`);
        rotate(logFile);
        running.push(new AppProcess(app, envs[app], logFile));
      }
      await Promise.all(running.map((app) => app.ready(signal)));
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const untilFailure = () =>
    Promise.race([untilServerEnds(infrastructure), ...running.map(async (app) => (await app.ended, app.obituary()))]);
  return {
    envs,
    gatewayUrl: `http://localhost:${ports.gateway}`,
    authUrl: `http://localhost:${ports.auth}`,
    app: (name) => {
      const process = running.find(({ app }) => app === name);
      if (process === undefined) throw new StackError(`${name} does not run`);
      return process;
    },
    untilFailure,
    stop,
  };
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
