import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import { Callers, recordOf, type Service, Services } from '@rookery/contracts';
import {
  type BrokerClient,
  brokerLogin,
  natsOptions,
  type NatsOptions,
  natsServerConfig,
  provisionBroker,
  requireSupportedNatsServer,
} from '@rookery/messaging';
import { brokerConfig, parseConfig } from '@rookery/platform';
import { errorReason } from '../terminal/error-facts';
import type { Progress } from '../terminal/progress';
import { UserError } from '../terminal/user-error';
import type { BrokerAccess } from './app-env';
import { brokerAccount, type BrokerSeeds, MAIN_ACCOUNT } from './broker-accounts';
import { brokerVersion } from './broker-version';
import { clientTls, provideCertificates, serverTls } from './certificates';
import { createDatabases, type DatabaseUrls } from './databases';
import { startNats } from './embedded-nats';
import { startPostgres } from './embedded-postgres';
import type { GuardedProcess } from './guarded-process';
import { locateNatsServer } from './nats-binary';
import { requireFreePorts } from './ports';
import type { Secrets } from './secrets';
import { embeddedPorts, type StackSettings } from './settings';

/** Databases and broker that a stack stands on. */
export interface Infrastructure {
  readonly databases: DatabaseUrls;
  readonly broker: BrokerAccess;
  /** Servers of our own: when one ends by itself the stack cannot go on. */
  readonly servers: readonly { readonly name: string; readonly process: GuardedProcess }[];
  /** What only servers of our own allow. */
  readonly own?: OwnServers;
  stop(): Promise<void>;
}

/** How the credentials of running servers are changed. */
export interface OwnServers {
  /** Superuser's address of Postgres. */
  readonly postgresUrl: string;
  /** From now on the broker knows the keys of these seeds, and no other; who is connected by another one is disconnected. */
  admit(seeds: BrokerSeeds, also?: Readonly<Partial<BrokerSeeds>>): Promise<void>;
}

/** Makes streams and consumers as the admin; running it again changes nothing. */
export async function provision(url: string, login: Pick<NatsOptions, 'nkeySeed' | 'tls'>): Promise<void> {
  const admin = await connect({ servers: url, ...brokerLogin(login), timeout: 10_000 });
  try {
    await provisionBroker(admin);
  } finally {
    await admin.close();
  }
}

/** Where servers of our own keep their data, and on which ports they listen. */
type OwnServerSettings = Pick<StackSettings, 'dataFolder' | 'natsPort' | 'postgresPort' | 'tls'>;

interface OwnServerOptions {
  readonly settings: OwnServerSettings;
  readonly secrets: Secrets;
  readonly progress: Progress;
  /** Folder of the certificates, where the servers speak TLS. */
  readonly certificates: string | undefined;
}

async function startDatabases({ settings, secrets, progress, certificates }: OwnServerOptions) {
  const { dataFolder, postgresPort } = settings;
  const postgres = await startPostgres({
    dataFolder: join(dataFolder, 'postgres'),
    port: postgresPort,
    password: secrets.postgres,
    logFile: join(dataFolder, 'logs/postgres.log'),
    tls: certificates === undefined ? undefined : serverTls(certificates, 'postgres'),
    say: progress.say,
    beforeStart: () => requireFreePorts(embeddedPorts(settings).slice(0, 1)),
  });
  try {
    const { databases: passwords, secondRoles: second } = secrets;
    return { postgres, databases: await createDatabases({ url: postgres.url, passwords, second }) };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function startBroker({ settings, secrets, progress, certificates }: OwnServerOptions, config: string) {
  const { dataFolder, natsPort } = settings;
  const server = await locateNatsServer({ say: progress.say });
  progress.say(`nats-server ${server.version} of ${server.from}`);
  const nats = await startNats({
    binary: server.path,
    config,
    port: natsPort,
    folder: join(dataFolder, 'nats'),
    logFile: join(dataFolder, 'logs/nats.log'),
    say: progress.say,
    beforeStart: () => requireFreePorts(embeddedPorts(settings).slice(1)),
  });
  try {
    await provision(nats.url, {
      nkeySeed: secrets.broker.admin,
      tls: certificates === undefined ? undefined : clientTls(certificates, 'admin'),
    });
    return nats;
  } catch (error) {
    await nats.stop();
    throw error;
  }
}

/** Postgres and nats-server of our own, with a database for each service, the users, streams and consumers. */
export async function embeddedInfrastructure(
  settings: OwnServerSettings,
  secrets: Secrets,
  progress: Progress,
): Promise<Infrastructure> {
  const { dataFolder, postgresPort, natsPort } = settings;
  mkdirSync(join(dataFolder, 'logs'), { recursive: true });
  const certificates = settings.tls ? join(dataFolder, 'certs') : undefined;
  if (certificates !== undefined) {
    await progress.step('certificates', () => provideCertificates(certificates));
  }
  const servers: OwnServerOptions = { settings, secrets, progress, certificates };
  const brokerConfigOf = (seeds: BrokerSeeds, also: Readonly<Partial<BrokerSeeds>> = {}): string =>
    natsServerConfig({
      port: natsPort,
      storeDir: join(dataFolder, 'nats/jetstream'),
      tls: certificates === undefined ? undefined : serverTls(certificates, 'nats'),
      accounts: [brokerAccount(MAIN_ACCOUNT, seeds, also)],
    });
  const [databases, broker] = await Promise.allSettled([
    progress.step(`Postgres on 127.0.0.1:${postgresPort}, a database for each service`, () => startDatabases(servers)),
    progress.step(`NATS on 127.0.0.1:${natsPort}, users and streams`, () =>
      startBroker(servers, brokerConfigOf(secrets.broker)),
    ),
  ]);
  const stop = async (): Promise<void> => {
    if (broker.status === 'fulfilled') {
      await broker.value.stop();
    }
    if (databases.status === 'fulfilled') {
      await databases.value.postgres.stop();
    }
  };
  if (databases.status === 'rejected' || broker.status === 'rejected') {
    await stop();
    throw databases.status === 'rejected' ? databases.reason : broker.status === 'rejected' ? broker.reason : undefined;
  }
  return {
    databases: databases.value.databases,
    broker: { url: broker.value.url, seeds: secrets.broker, certificates },
    own: {
      postgresUrl: databases.value.postgres.url,
      admit: (seeds, also) => broker.value.reload(brokerConfigOf(seeds, also)),
    },
    servers: [
      { name: 'Postgres', process: databases.value.postgres.process },
      { name: 'nats-server', process: broker.value.process },
    ],
    stop,
  };
}

/** The variable that names a service's database when servers are given. */
export const databaseVariable = (service: Service): string => `DATABASE_URL_${service.toUpperCase()}`;
/** The variable with the seed of a client's key when servers are given. */
export const seedVariable = (client: BrokerClient): string => `NATS_NKEY_SEED_${client.toUpperCase()}`;

/** True when servers are given by the environment, which must then name all of them. */
export function infrastructureIsGiven(env: NodeJS.ProcessEnv = process.env): boolean {
  const variables = [...Services.map(databaseVariable), 'NATS_URL'];
  const missing = variables.filter((name) => (env[name] ?? '') === '');
  if (missing.length === variables.length) {
    return false;
  }
  if (missing.length === 0) {
    return true;
  }
  throw new UserError(
    `Servers of your own need all of ${variables.join(', ')}; not set: ${missing.join(', ')}.`,
    'Set them, or unset the others to use the embedded servers.',
  );
}

/** The broker that NATS_URL, NATS_NKEY_SEED and NATS_TLS_… name; says what is wrong with them. */
export function givenBroker(env: NodeJS.ProcessEnv = process.env): NatsOptions {
  const read = parseConfig(z.object(brokerConfig), env);
  if (read.ok) {
    return natsOptions('admin', read.config);
  }
  throw new UserError(read.bad.map(({ name, reason }) => `${name} ${reason}`).join('\n'));
}

/** Throws a UserError when the broker at `url` is too old. One that does not answer is left to its clients. */
async function requireSupportedBroker(url: string): Promise<void> {
  try {
    requireSupportedNatsServer((await brokerVersion(url)) ?? '');
  } catch (error) {
    throw new UserError(errorReason(error), 'Or unset NATS_URL and DATABASE_URL_…: npm start brings its own servers.');
  }
}

/**
 * Servers that the environment names: nothing is embedded. Databases and roles exist already, the broker knows the keys
 * whose seeds are in NATS_NKEY_SEED_<APP>; with NATS_NKEY_SEED_ADMIN streams and consumers are made. NATS_TLS_… is what each process
 * reads, the admin too.
 */
export async function givenInfrastructure(
  progress: Progress,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Infrastructure> {
  const required = (name: string): string => {
    const value = env[name] ?? '';
    if (value === '') {
      throw new UserError(`${name} is not set.`, 'With NATS_URL set, each process needs its NATS_NKEY_SEED_<APP>.');
    }
    return value;
  };
  const url = required('NATS_URL');
  await requireSupportedBroker(url);
  const admin = env[seedVariable('admin')] ?? '';
  const seeds = { admin, ...recordOf(Callers, (app) => required(seedVariable(app))) };
  if (admin === '') {
    progress.say('NATS_NKEY_SEED_ADMIN is not set: streams and consumers are taken to be there');
  } else {
    await progress.step('streams and consumers', () => provision(url, givenBroker({ ...env, NATS_NKEY_SEED: admin })));
  }
  return {
    databases: recordOf(Services, (service) => required(databaseVariable(service))),
    broker: { url, seeds },
    servers: [],
    stop: () => Promise.resolve(),
  };
}
