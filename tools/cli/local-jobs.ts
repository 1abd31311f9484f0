import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Service } from '@rookery/contracts';
import type { AppEnv } from '@rookery/devkit/stack/app-env';
import { runJob } from '@rookery/devkit/stack/app-process';
import { databaseVariable, seedVariable } from '@rookery/devkit/stack/infrastructure';
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
function jobEnv(service: Service, env: NodeJS.ProcessEnv): AppEnv {
  const variable = databaseVariable(service);
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

/**
 * How a job logs in to the broker as its admin: to the one that NATS_URL names, else to that of the stack on this data folder.
 * @throws {UserError} when NATS_URL names a broker and NATS_NKEY_SEED_ADMIN is not set: the stack's own key opens no other broker
 */
async function brokerAdmin(env: NodeJS.ProcessEnv): Promise<AppEnv> {
  if (given(env, 'NATS_URL') === undefined) {
    const { broker } = await provideSecrets(readSettings(env).dataFolder);
    return { NATS_NKEY_SEED: broker.admin };
  }
  const seed = given(env, seedVariable('admin'));
  if (seed === undefined) {
    throw new UserError(
      'NATS_URL names a broker, and NATS_NKEY_SEED_ADMIN is not set.',
      'Set it to the seed of the admin of that broker, or unset NATS_URL to use the broker of `npm start`.',
    );
  }
  const connection = Object.entries(env).filter(([name]) => name === 'NATS_URL' || name.startsWith('NATS_TLS_'));
  const set = connection.flatMap(([name, value = '']) => (value === '' ? [] : [[name, value] as const]));
  return { ...Object.fromEntries(set), NATS_NKEY_SEED: seed };
}

/**
 * The environment of the recovery job of a service.
 * @throws {UserError} when its database is not known, or the admin of the broker that NATS_URL names
 */
export async function recoveryEnv(
  service: Service,
  graceSeconds: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<AppEnv> {
  return { ...jobEnv(service, env), ...(await brokerAdmin(env)), RECOVERY_GRACE_SECONDS: String(graceSeconds) };
}

/** Runs the recovery job of a service that is stopped; returns what it printed. */
export async function recover(service: Service, graceSeconds: number): Promise<string> {
  return runJob(service, 'jobs/recover.js', await recoveryEnv(service, graceSeconds));
}

/** Has services publish their events since a time again; prints as it goes. All databases are known before anything is changed. */
export async function republish(services: readonly Service[], since: string): Promise<void> {
  const jobs = services.map((service) => ({ service, env: jobEnv(service, process.env) }));
  for (const { service, env } of jobs) {
    process.stdout.write(await runJob(service, 'jobs/republish.js', { ...env, REPUBLISH_SINCE: since }));
  }
}
