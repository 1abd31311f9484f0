import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type EmbeddedNats, startNats } from '@rookery/devkit/stack/embedded-nats';
import { type EmbeddedPostgres, startPostgres } from '@rookery/devkit/stack/embedded-postgres';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { freePorts } from '@rookery/devkit/stack/ports';
import { random } from '@rookery/devkit/stack/secrets';
import {
  catalog,
  cpuOf,
  type MeasuredSystem,
  type Memory,
  memoryOf,
  serversIn,
  SETTLED_AFTER_MS,
} from './measured-system';
import { PeerProgram, PEERS_FOLDER } from './peer-programs';

/** What is started of a peer. */
export interface Peer {
  readonly name: string;
  readonly what: string;
  /** In the order of their start; the last one answers HTTP. */
  readonly programs: readonly string[];
  readonly broker: boolean;
}

export const EXPRESS: Peer = {
  name: 'Express',
  what: 'Express 5 and pg in one process, an order is one transaction',
  programs: ['express/main'],
  broker: false,
};
export const MOLECULER: Peer = {
  name: 'Moleculer',
  what: 'Moleculer over NATS and pg, three processes, an order is two calls',
  programs: ['moleculer/products', 'moleculer/orders', 'moleculer/gateway'],
  broker: true,
};
export const NEST: Peer = {
  name: 'plain Nest',
  what: 'Nest 12 over NATS and TypeORM, four processes, a saga of events that a crash loses',
  programs: ['nest/products', 'nest/payments', 'nest/orders', 'nest/gateway'],
  broker: true,
};

/** A Postgres of the settings of `npm start`, a broker if the peer has one, the catalog, and the peer’s programs. */
export class PeerSystem implements MeasuredSystem {
  readonly name: string;
  readonly what: string;
  readonly url: string;
  idle: Memory | undefined;
  private readonly programs: PeerProgram[] = [];
  private postgres: EmbeddedPostgres | undefined;
  private nats: EmbeddedNats | undefined;

  private constructor(
    private readonly peer: Peer,
    private readonly folder: string,
    private readonly port: number,
  ) {
    this.name = peer.name;
    this.what = peer.what;
    this.url = `http://127.0.0.1:${port}`;
    process.once('exit', this.discard);
  }

  static async start(peer: Peer): Promise<PeerSystem> {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-peer-'));
    // Postgres may run as another user and must get through.
    chmodSync(folder, 0o711);
    const [port = 0, postgresPort = 0, natsPort = 0] = await freePorts(3);
    const system = new PeerSystem(peer, folder, port);
    try {
      await system.bringUp(postgresPort, natsPort);
      return system;
    } catch (error) {
      await system.stop();
      throw error;
    }
  }

  get database(): string {
    return this.postgres?.url ?? '';
  }

  async headers(): Promise<Readonly<Record<string, string>>> {
    return {};
  }

  cpuSeconds(): number | undefined {
    return cpuOf([...this.pids, ...serversIn(this.folder)]);
  }

  memory(): Memory | undefined {
    return memoryOf(this.pids, serversIn(this.folder));
  }

  async stop(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.stop()));
    await Promise.all([this.nats?.stop(), this.postgres?.stop()]);
    process.off('exit', this.discard);
    this.discard();
  }

  private get pids(): readonly (number | undefined)[] {
    return this.programs.map(({ pid }) => pid);
  }

  private readonly discard = (): void => rmSync(this.folder, { recursive: true, force: true });

  private async bringUp(postgresPort: number, natsPort: number): Promise<void> {
    const logs = join(this.folder, 'logs');
    mkdirSync(logs);
    this.postgres = await startPostgres({
      dataFolder: join(this.folder, 'postgres'),
      port: postgresPort,
      password: random(),
      logFile: join(logs, 'postgres.log'),
    });
    await fill(this.database);
    if (this.peer.broker) {
      this.nats = await startNats({
        binary: await findNatsServer(),
        config: `listen: 127.0.0.1:${natsPort}\n`,
        port: natsPort,
        folder: join(this.folder, 'nats'),
        logFile: join(logs, 'nats.log'),
      });
    }
    const env = { DATABASE_URL: this.database, NATS_URL: this.nats?.url ?? '', PORT: String(this.port) };
    for (const program of this.peer.programs) {
      this.programs.push(await PeerProgram.start(program, env, logs));
    }
    await sleep(SETTLED_AFTER_MS);
    this.idle = this.memory();
  }
}

async function fill(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(readFileSync(join(PEERS_FOLDER, 'schema.sql'), 'utf8'));
  await client.query(
    `INSERT INTO products (sku, name, description, category, price_minor, currency, available)
     SELECT sku, name, description, category, (price ->> 'amountMinor')::bigint, price ->> 'currency', stock
     FROM jsonb_to_recordset($1) AS product (sku text, name text, description text, category text, price jsonb, stock bigint)`,
    [JSON.stringify(catalog)],
  );
  await client.query('VACUUM ANALYZE products');
  await client.end();
}
