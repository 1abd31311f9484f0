import { randomBytes } from 'node:crypto';
import { Client, type QueryResultRow } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { requiredEnv } from './required-env';

/** A database for one suite. */
export interface TestDatabase {
  /** With the service's own login role, like DATABASE_URL in production. */
  readonly url: string;
  /** The same database as superuser, for faults such as pg_terminate_backend. */
  readonly adminUrl: string;
  /** Rows of a statement as superuser in this database, on one connection: a spec's view from outside. */
  query<Row extends QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Advances the clock of this database for all its sessions: `now()` and `clock_timestamp()`. */
  advanceClock(ms: number): Promise<void>;
  /** Resets the clock to the server's time. */
  resetClock(): Promise<void>;
  /** Removes database and role, even with open connections. */
  drop(): Promise<void>;
}

/**
 * Creates an empty database with its own login role, as in production (no other role can connect), and applies the migrations.
 * `options` may be the complete data source options of a service; only `migrations` is used.
 */
export async function testDatabase(
  name: string,
  { migrations = [] }: Pick<DataSourceOptions, 'migrations'> = {},
): Promise<TestDatabase> {
  const id = `${name.replaceAll(/[^a-z0-9]/gi, '_').toLowerCase()}_${randomBytes(6).toString('hex')}`;
  const password = randomBytes(12).toString('hex');
  const serverUrl = requiredEnv('TEST_POSTGRES_URL');
  await asAdmin(serverUrl, async (admin) => {
    await admin.query(`CREATE ROLE ${id} LOGIN PASSWORD '${password}'`);
    await admin.query(`CREATE DATABASE ${id} OWNER ${id}`);
    await admin.query(`REVOKE CONNECT ON DATABASE ${id} FROM PUBLIC`);
  });
  const adminUrl = withDatabase(serverUrl, id);
  await asAdmin(adminUrl, giveOwnClock(id));
  const url = withLogin(adminUrl, id, password);
  await migrate(url, migrations);
  const observer = new Client({ connectionString: adminUrl });
  // DROP DATABASE … WITH (FORCE) may terminate the observer before it disconnects.
  observer.on('error', () => undefined);
  await observer.connect();
  // Not on the observer's connection, which may be in a transaction of the spec.
  const setClock = (sql: string, values: readonly unknown[] = []): Promise<void> =>
    asAdmin(adminUrl, async (admin) => {
      await admin.query(sql, [...values]);
    });
  return {
    url,
    adminUrl,
    query: async <Row extends QueryResultRow>(sql: string, values: readonly unknown[] = []) =>
      (await observer.query<Row>(sql, [...values])).rows,
    advanceClock: async (ms) => {
      await setClock('UPDATE spec_clock.ahead SET by = by + make_interval(secs => $1)', [ms / 1_000]);
    },
    resetClock: async () => {
      await setClock(`UPDATE spec_clock.ahead SET by = '0'`);
    },
    drop: async () => {
      await observer.end();
      await asAdmin(serverUrl, async (admin) => {
        await admin.query(`DROP DATABASE ${id} WITH (FORCE)`);
        await admin.query(`DROP ROLE ${id}`);
      });
    },
  };
}

/** Functions of a schema before pg_catalog in the search path replace the server's own, so that unchanged statements see the time. */
const giveOwnClock = (database: string) => async (admin: Client) => {
  await admin.query(`
    CREATE SCHEMA spec_clock;
    CREATE TABLE spec_clock.ahead AS SELECT interval '0' AS by;
    CREATE FUNCTION spec_clock.now() RETURNS timestamptz LANGUAGE sql STABLE
      AS 'SELECT pg_catalog.now() + by FROM spec_clock.ahead';
    CREATE FUNCTION spec_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
      AS 'SELECT pg_catalog.clock_timestamp() + by FROM spec_clock.ahead';
    GRANT USAGE ON SCHEMA spec_clock TO PUBLIC;
    GRANT SELECT ON spec_clock.ahead TO PUBLIC;
    ALTER DATABASE ${database} SET search_path = public, spec_clock, pg_catalog`);
};

async function migrate(url: string, migrations: DataSourceOptions['migrations']): Promise<void> {
  // Loaded here, because most specs that import this library have no database, and loading takes half a second.
  const { DataSource } = await import('typeorm');
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    migrations,
    migrationsTableName: 'migrations',
  }).initialize();
  try {
    await dataSource.runMigrations({ transaction: 'each' });
  } finally {
    await dataSource.destroy();
  }
}

async function asAdmin(url: string, work: (admin: Client) => Promise<void>): Promise<void> {
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

function withLogin(url: string, user: string, password: string): string {
  const changed = new URL(url);
  changed.username = user;
  changed.password = password;
  return changed.href;
}
