import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { migrate } from '@rookery/devkit/stack/app-process';
import { type EmbeddedPostgres, startPostgres } from '@rookery/devkit/stack/embedded-postgres';
import { freePorts } from '@rookery/devkit/stack/ports';
import { isExecutable, programInPath } from '@rookery/devkit/stack/program-path';
import { random } from '@rookery/devkit/stack/secrets';
import { outputOf } from '@rookery/devkit/terminal/run-program';
import { cpuOf, serversIn } from './measured-system';
import { PEERS_FOLDER } from './peer-programs';

const CLIENTS = 24;
/** Debian keeps the programs of each version in a folder of its own. */
const DEBIAN_VERSIONS = '/usr/lib/postgresql';
const FLOOR_SERVICES = ['orders', 'payments', 'products'] as const;

/** The scripts; each transaction of pgbench is one order. */
export const FLOORS = [
  {
    name: 'own statements',
    script: 'own-statements.sql',
    what: 'pgbench, 24 clients: every statement of our own order',
  },
  {
    name: 'five transactions',
    script: 'fewest-transactions.sql',
    what: 'pgbench, 24 clients: 16 writes, nothing else',
  },
] as const;

/** What Postgres alone has done. */
export interface FloorRound {
  readonly ordersPerSecond: number;
  /** Of Postgres only: pgbench is the client. */
  readonly cpuSecondsPer1000: number | undefined;
  readonly meanMs: number;
}

/** pgbench, wherever it is; the npm package of Postgres does not have it. */
export function findPgbench(): string | undefined {
  const inPath = programInPath('pgbench', process.env);
  if (inPath !== undefined) {
    return inPath;
  }
  try {
    return readdirSync(DEBIAN_VERSIONS)
      .toSorted((one, other) => Number(other) - Number(one))
      .map((version) => join(DEBIAN_VERSIONS, version, 'bin/pgbench'))
      .find(isExecutable);
  } catch {
    return undefined;
  }
}

/** Postgres without anything in front of it: the tables of three services in one database, a schema for each. */
export class Floor {
  private constructor(
    private readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
    private readonly pgbench: string,
  ) {}

  static async start(pgbench: string): Promise<Floor> {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-floor-'));
    chmodSync(folder, 0o711);
    const discard = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', discard);
    mkdirSync(join(folder, 'logs'));
    const [port = 0] = await freePorts(1);
    const logFile = join(folder, 'logs/postgres.log');
    const dataFolder = join(folder, 'postgres');
    const postgres = await startPostgres({ dataFolder, port, password: random(), logFile });
    const floor = new Floor(folder, postgres, pgbench);
    try {
      await floor.fill();
      return floor;
    } catch (error) {
      await floor.stop();
      throw error;
    }
  }

  async run(script: string, seconds: number): Promise<FloorRound> {
    const url = new URL(this.postgres.url);
    const before = cpuOf(serversIn(this.folder));
    const options = ['--no-vacuum', '--protocol=prepared', `--client=${CLIENTS}`, `--jobs=${cpus().length}`];
    const output = await outputOf(
      this.pgbench,
      [...options, `--time=${seconds}`, `--file=${join(PEERS_FOLDER, 'floor', script)}`, 'postgres'],
      {
        env: {
          ...process.env,
          PGHOST: url.hostname,
          PGPORT: url.port,
          PGUSER: url.username,
          PGPASSWORD: decodeURIComponent(url.password),
        },
      },
    );
    const after = cpuOf(serversIn(this.folder));
    return floorRound(output, before === undefined || after === undefined ? undefined : after - before);
  }

  async stop(): Promise<void> {
    await this.postgres.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The services' own migrations make the tables, so these are never older than the code. */
  private async fill(): Promise<void> {
    const client = new Client({ connectionString: this.postgres.url });
    await client.connect();
    for (const service of FLOOR_SERVICES) {
      await client.query(`CREATE SCHEMA ${service}`);
      await client.query(`ALTER DATABASE postgres SET search_path = ${service}`);
      await migrate(service, { DATABASE_URL: this.postgres.url });
    }
    await client.query('ALTER DATABASE postgres RESET search_path');
    await client.query(readFileSync(join(PEERS_FOLDER, 'floor/catalog.sql'), 'utf8'));
    await client.query('VACUUM ANALYZE');
    await client.end();
  }
}

/**
 * Reads what pgbench prints at its end.
 * @throws {Error} when a transaction failed, or there is no rate
 */
export function floorRound(output: string, cpuSeconds: number | undefined): FloorRound {
  const figure = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const orders = figure(/transactions actually processed: (\d+)/);
  const failed = figure(/number of failed transactions: (\d+)/);
  const ordersPerSecond = figure(/^tps = ([\d.]+)/m);
  if (failed > 0 || Number.isNaN(ordersPerSecond)) {
    throw new Error(`pgbench did not place every order:\n${output}`);
  }
  return {
    ordersPerSecond,
    cpuSecondsPer1000: cpuSeconds === undefined ? undefined : (1_000 * cpuSeconds) / orders,
    meanMs: figure(/latency average = ([\d.]+)/),
  };
}
