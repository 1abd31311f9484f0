import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { natsServerConfig } from '@rookery/messaging';
import { brokerAccount, makeSeeds } from './broker-accounts';
import { startNats } from './embedded-nats';
import { copyCluster, makeCluster, postgresBinaries, startPostgres } from './embedded-postgres';
import { isAlive } from './leftover';
import { findNatsServer } from './nats-binary';
import { freePorts } from './ports';
import { repository } from './repository';

/** Folders are called after the process, so that those of killed runs can be told and removed. */
const PREFIX = 'rookery-test-';
/** One account per Jest worker (W1..W9), and some for stacks that end-to-end specs start (E1..E9). */
const ACCOUNTS = ['W', 'E'].flatMap((kind) => Array.from({ length: 9 }, (_, index) => `${kind}${index + 1}`));
/** Of throw-away servers on 127.0.0.1 that hold test data only; the cached template needs one that is known. */
const POSTGRES_PASSWORD = 'rookery-test';

export interface TestInfrastructure {
  /** What specs read: see `testBroker` and `testDatabase` of libs/testing. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
  stop(): Promise<void>;
}

/** A template made once per Postgres version and copied for each run. */
async function provideCluster(folder: string, dataFolder: string): Promise<void> {
  const template = join(repository, 'node_modules/.cache/rookery', `postgres-${postgresBinaries().version}`);
  if (!existsSync(template)) {
    const fresh = join(folder, 'template');
    await makeCluster({
      dataFolder: fresh,
      port: 0,
      password: POSTGRES_PASSWORD,
      logFile: join(folder, 'initdb.log'),
      ephemeral: true,
    });
    mkdirSync(join(template, '..'), { recursive: true });
    const beside = `${template}.${process.pid}`;
    copyCluster(fresh, beside);
    rmSync(fresh, { recursive: true });
    try {
      renameSync(beside, template);
    } catch {
      rmSync(beside, { recursive: true, force: true }); // another run was quicker
    }
  }
  copyCluster(template, dataFolder);
}

function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(PREFIX)) {
      continue;
    }
    const pid = Number.parseInt(name.slice(PREFIX.length), 10);
    if (!isAlive(pid)) {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}

/** Starts a real Postgres and a real nats-server in a folder of their own, fast and forgetful. */
export async function startTestInfrastructure(): Promise<TestInfrastructure> {
  sweep();
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const [postgresPort = 0, natsPort = 0] = await freePorts(2);
  // Postgres may run as another user (see unprivileged.ts) and must get through; its data are closed by themselves.
  chmodSync(folder, 0o711);
  const seeds = Object.fromEntries(ACCOUNTS.map((name) => [name, makeSeeds()]));
  const startDatabase = async () => {
    const dataFolder = join(folder, 'postgres');
    await provideCluster(folder, dataFolder);
    return startPostgres({
      dataFolder,
      port: postgresPort,
      password: POSTGRES_PASSWORD,
      logFile: join(folder, 'postgres.log'),
      ephemeral: true,
    });
  };
  const startBroker = async () => {
    const natsFolder = join(folder, 'nats');
    return startNats({
      binary: await findNatsServer(),
      config: natsServerConfig({
        port: natsPort,
        storeDir: join(natsFolder, 'jetstream'),
        accounts: Object.entries(seeds).map(([name, ofAccount]) => brokerAccount(name, ofAccount)),
      }),
      port: natsPort,
      folder: natsFolder,
      logFile: join(folder, 'nats.log'),
    });
  };
  const [database, broker] = await Promise.allSettled([startDatabase(), startBroker()]);
  const stop = async (): Promise<void> => {
    const servers = [database, broker].filter((server) => server.status === 'fulfilled').map((server) => server.value);
    await Promise.all(servers.map((server) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  if (database.status === 'rejected' || broker.status === 'rejected') {
    await stop();
    throw database.status === 'rejected' ? database.reason : broker.status === 'rejected' ? broker.reason : undefined;
  }
  return {
    folder,
    stop,
    env: {
      TEST_POSTGRES_URL: database.value.url,
      TEST_NATS_URL: broker.value.url,
      // {"W1": {"gateway": "SU…", …, "admin": "SU…"}, …}
      TEST_NATS_SEEDS: JSON.stringify(seeds),
    },
  };
}
