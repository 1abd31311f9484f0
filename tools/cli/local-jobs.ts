import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Service } from '@rookery/contracts';
import type { AppEnv } from '@rookery/devkit/stack/app-env';
import { runJob } from '@rookery/devkit/stack/app-process';
import { provideSecrets } from '@rookery/devkit/stack/secrets';
import { readSettings } from '@rookery/devkit/stack/settings';
import { UserError } from '@rookery/devkit/terminal/user-error';

const given = (env: NodeJS.ProcessEnv, name: string): string | undefined => (env[name] === '' ? undefined : env[name]);

/** What `npm start` wrote for a service of the stack on this data folder; undefined when it never started. */
function stackEnv(service: Service, env: NodeJS.ProcessEnv): AppEnv | undefined {
  const file = envFileOf(service, env);
  if (!existsSync(file)) {
    return undefined;
  }
  const values = Object.entries(parseEnv(readFileSync(file, 'utf8')));
  return Object.fromEntries(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

const envFileOf = (service: Service, env: NodeJS.ProcessEnv): string =>
  join(readSettings(env).dataFolder, 'env', `${service}.env`);

/**
 * The environment of a job of a service: what `npm start` wrote for the service, but for the database that `DATABASE_URL_<SERVICE>` names.
 * @throws {UserError} when no database is known
 */
export function jobEnv(service: Service, env: NodeJS.ProcessEnv = process.env): AppEnv {
  const variable = `DATABASE_URL_${service.toUpperCase()}`;
  const known = stackEnv(service, env);
  const url = given(env, variable) ?? known?.['DATABASE_URL'];
  if (url !== undefined) {
    return { ...known, DATABASE_URL: url };
  }
  throw new UserError(
    `There is no database of ${service}: neither ${variable} nor ${envFileOf(service, env)}.`,
    `Set ${variable}, or start the system once with \`npm start\`.`,
  );
}

/** The broker's admin: NATS_URL and NATS_NKEY_SEED, else that of the stack on this data folder. */
async function brokerAdmin(env: NodeJS.ProcessEnv): Promise<AppEnv> {
  if (given(env, 'NATS_NKEY_SEED') !== undefined) {
    return {};
  }
  const { broker } = await provideSecrets(readSettings(env).dataFolder);
  return { NATS_NKEY_SEED: broker.admin };
}

/** Runs the recovery job of a service that is stopped; returns what it printed. */
export async function recover(service: Service, graceSeconds: string): Promise<string> {
  const { env } = process;
  const named = Object.entries(env).filter(([name, value]) => name.startsWith('NATS_') && value !== '');
  return runJob(service, 'jobs/recover.js', {
    ...jobEnv(service),
    ...Object.fromEntries(named.map(([name, value]) => [name, value ?? ''])),
    ...(await brokerAdmin(env)),
    RECOVERY_GRACE_SECONDS: graceSeconds,
  });
}

/** Has services publish their events since a time again; prints as it goes. All databases are known before anything is changed. */
export async function republish(services: readonly Service[], since: string): Promise<void> {
  const jobs = services.map((service) => ({ service, env: jobEnv(service) }));
  for (const { service, env } of jobs) {
    process.stdout.write(await runJob(service, 'jobs/republish.js', { ...env, REPUBLISH_SINCE: since }));
  }
}
