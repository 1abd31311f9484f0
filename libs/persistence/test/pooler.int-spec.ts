import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { explainStartFailure } from '@rookery/platform';
import { eventually, pgbouncer, type TestDatabase, TestPooler } from '@rookery/testing';
import { connectMigrated } from '../src/connect';
import { dataSourceOptions, runMigrations } from '../src/index';
import { RelaySession } from '../src/relay-session';
import { CreateWallets1700000000000, Wallet } from './wallet';
import { walletDatabase } from './wallet-service';

const optionsOf = (url: string, sessionUrl?: string) =>
  dataSourceOptions({ url, sessionUrl, poolSize: 4, entities: [Wallet], migrations: [CreateWallets1700000000000] });

const settingsOf = (dataSource: DataSource): Promise<unknown> =>
  dataSource.query(`SELECT current_setting('statement_timeout') AS statement,
                           current_setting('idle_in_transaction_session_timeout') AS idle,
                           current_setting('tcp_keepalives_idle') AS keepalive`);

const describeWithPooler = pgbouncer === undefined ? describe.skip : describe;

describeWithPooler('a PgBouncer before the database (skipped where there is no pgbouncer)', () => {
  let database: TestDatabase;
  let pooler: TestPooler | undefined;
  let dataSource: DataSource | undefined;

  beforeAll(async () => {
    database = await walletDatabase();
  });
  afterEach(async () => {
    await dataSource?.destroy();
    await pooler?.stop();
    dataSource = undefined;
    pooler = undefined;
  });
  afterAll(() => database.drop());

  it('in session mode, with its defaults, gives every session the same limits as the server', async () => {
    pooler = await TestPooler.start(database.url, 'session');
    const direct = await connectMigrated(optionsOf(database.url));
    const expected = await settingsOf(direct);
    await direct.destroy();
    dataSource = await connectMigrated(optionsOf(pooler.url));
    expect(await settingsOf(dataSource)).toEqual(expected);
    expect(expected).toEqual([{ statement: '5s', idle: '10s', keepalive: '10' }]);
  });

  it('in session mode lets one relay lead at a time', async () => {
    pooler = await TestPooler.start(database.url, 'session');
    const [first, second] = [await RelaySession.connect(pooler.url), await RelaySession.connect(pooler.url)];
    expect(await first.tryToLead()).toBe(true);
    expect(await second.tryToLead()).toBe(false);
    await first.close();
    await eventually(async () => expect(await second.tryToLead()).toBe(true));
    await second.close();
  });

  it.each(['transaction', 'statement'] as const)('in %s mode is rejected at start with the reason', async (mode) => {
    pooler = await TestPooler.start(database.url, mode, { ignore_startup_parameters: 'extra_float_digits' });
    const { url } = pooler;
    for (const attempt of [
      () => connectMigrated(optionsOf(url)),
      () => runMigrations(optionsOf(url), () => undefined),
    ]) {
      const refused: unknown = await attempt().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refused).toMatchObject({ name: 'TransactionPooling' });
      const text = explainStartFailure('wallets', refused, {
        HOST: '127.0.0.1',
        PORT: 1,
        LOG_LEVEL: 'silent',
        SHUTDOWN_GRACE_SECONDS: 1,
        DATABASE_URL: url,
      });
      expect(text).toMatch(/pools transactions.*pool_mode = session/);
    }
  });

  it('in transaction mode is rejected even when it rotates its sessions', async () => {
    pooler = await TestPooler.start(database.url, 'transaction', { server_round_robin: '1', min_pool_size: '6' });
    const { url } = pooler;
    // After the warm-up there are several sessions.
    const clients = Array.from({ length: 6 }, () => new Client({ connectionString: url }));
    await Promise.all(clients.map((client) => client.connect()));
    await Promise.all(clients.map((client) => client.query('SELECT pg_sleep(0.2)')));
    await Promise.all(clients.map((client) => client.end()));
    await expect(connectMigrated(optionsOf(url))).rejects.toMatchObject({ name: 'TransactionPooling' });
  });

  it('in transaction mode is rejected as the address for sessions too', async () => {
    pooler = await TestPooler.start(database.url, 'transaction');
    await expect(connectMigrated(optionsOf(database.url, pooler.url))).rejects.toMatchObject({
      name: 'TransactionPooling',
    });
  });

  it('runs migrations on the server itself if it is configured', async () => {
    pooler = await TestPooler.start(database.url, 'session', { max_client_conn: '4' });
    // There is no server at the first address, and nothing connects to it.
    expect(await runMigrations(optionsOf('postgres://nobody@127.0.0.1:1/none', database.url), () => undefined)).toEqual(
      [],
    );
    expect(await runMigrations(optionsOf(pooler.url, database.url), () => undefined)).toEqual([]);
  });

  it('reports why it rejects a connection', async () => {
    pooler = await TestPooler.start(database.url, 'session');
    const wrong = pooler.url.replace(/\/[^/]*$/, '/elsewhere');
    const refused: unknown = await connectMigrated(optionsOf(wrong)).catch((error: unknown) => error);
    const text = explainStartFailure('wallets', refused, {
      HOST: '127.0.0.1',
      PORT: 1,
      LOG_LEVEL: 'silent',
      SHUTDOWN_GRACE_SECONDS: 1,
      DATABASE_URL: wrong,
    });
    expect(text).not.toMatch(/no database answers/);
    expect(text).toMatch(/elsewhere|does not exist/);
  });
});

describe('DATABASE_SESSION_URL', () => {
  let database: TestDatabase;
  let other: TestDatabase;
  beforeAll(async () => {
    [database, other] = await Promise.all([walletDatabase(), walletDatabase()]);
  });
  afterAll(() => Promise.all([database.drop(), other.drop()]));

  const failureOf = async (url: string, sessionUrl: string): Promise<string> =>
    connectMigrated(optionsOf(url, sessionUrl)).then(() => 'connected', String);

  it('must point to the database of DATABASE_URL', async () => {
    expect(await failureOf(database.url, other.url)).toMatch(/DATABASE_SESSION_URL points to a different database/);
  });

  it('is named when its database does not answer', async () => {
    const nowhere = database.url.replace(/:\d+\//, ':1/');
    expect(await failureOf(database.url, nowhere)).toMatch(/database in DATABASE_SESSION_URL .*:1\//);
    expect(await failureOf(nowhere, database.url)).toMatch(/database in DATABASE_URL .*:1\//);
    const migrating = runMigrations(optionsOf(database.url, nowhere), () => undefined);
    await expect(migrating).rejects.toThrow(/database in DATABASE_SESSION_URL .*:1\//);
  });

  it('is named in the line about a failed start', async () => {
    const config = { HOST: '127.0.0.1', PORT: 1, LOG_LEVEL: 'silent', SHUTDOWN_GRACE_SECONDS: 1 } as const;
    const lineOf = async (sessionUrl: string): Promise<string> => {
      const failed: unknown = await connectMigrated(optionsOf(database.url, sessionUrl)).catch(
        (error: unknown) => error,
      );
      return explainStartFailure('wallets', failed, { ...config, DATABASE_URL: database.url });
    };
    const wrongPort = await lineOf(database.url.replace(/:\d+\//, ':1/'));
    expect(wrongPort).toMatch(/no database answers on port 1\. Start it, or correct DATABASE_SESSION_URL\./);
    const wrongPassword = await lineOf(database.url.replace(/:[^:@]+@/, ':wrong@'));
    expect(wrongPassword).toMatch(/role and password in DATABASE_SESSION_URL/);
  });
});
