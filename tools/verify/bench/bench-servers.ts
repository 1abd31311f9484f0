import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brokerAccount, MAIN_ACCOUNT, makeSeeds } from '@rookery/devkit/stack/broker-accounts';
import { createDatabases, type DatabaseUrls } from '@rookery/devkit/stack/databases';
import { startNats } from '@rookery/devkit/stack/embedded-nats';
import { startPostgres } from '@rookery/devkit/stack/embedded-postgres';
import { provision } from '@rookery/devkit/stack/infrastructure';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { freePorts } from '@rookery/devkit/stack/ports';
import type { Progress } from '@rookery/devkit/terminal/progress';
import { natsServerConfig } from '@rookery/messaging';

/** How a process connects to the broker. */
export interface BrokerLogin {
  readonly url: string;
  readonly nkeySeed: string;
}

/** A Postgres that waits for its disk and a broker with file streams: settings of production, in a folder of their own. */
export interface BenchServers {
  readonly databases: DatabaseUrls;
  /** The orders service's own user. */
  readonly orders: BrokerLogin;
  readonly admin: BrokerLogin;
  stop(): Promise<void>;
}

/** Starts both on free ports; `stop` removes everything. */
export async function startBenchServers(progress: Progress): Promise<BenchServers> {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
  // Postgres may run as another user and must get through.
  chmodSync(folder, 0o711);
  const [postgresPort = 0, natsPort = 0] = await freePorts(2);
  const password = (): string => randomBytes(18).toString('base64url');
  const passwords = {
    auth: password(),
    products: password(),
    orders: password(),
    payments: password(),
  };
  const seeds = makeSeeds();
  const databasePassword = password();
  const stops: (() => Promise<void>)[] = [];
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // After Ctrl-C: the servers end with this process by themselves.
  process.once('exit', remove);
  const stop = async (): Promise<void> => {
    await Promise.all(stops.map((end) => end()));
    remove();
    process.off('exit', remove);
  };
  try {
    const postgres = await startPostgres({
      dataFolder: join(folder, 'postgres'),
      port: postgresPort,
      password: databasePassword,
      logFile: join(folder, 'postgres.log'),
      say: progress.say,
    });
    stops.push(() => postgres.stop());
    const natsFolder = join(folder, 'nats');
    const nats = await startNats({
      binary: await findNatsServer({ say: progress.say }),
      config: natsServerConfig({
        port: natsPort,
        storeDir: join(natsFolder, 'jetstream'),
        accounts: [brokerAccount(MAIN_ACCOUNT, seeds)],
      }),
      port: natsPort,
      folder: natsFolder,
      logFile: join(folder, 'nats.log'),
    });
    stops.push(() => nats.stop());
    const admin = { url: nats.url, nkeySeed: seeds.admin };
    await provision(admin.url, admin);
    return {
      databases: await createDatabases({ url: postgres.url, passwords }),
      orders: { url: nats.url, nkeySeed: seeds.orders },
      admin,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
