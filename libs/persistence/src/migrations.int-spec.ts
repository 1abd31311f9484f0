import type { MigrationInterface, QueryRunner } from 'typeorm';
import { testDatabase, type TestDatabase } from '@rookery/testing';
import { CreateWallets1700000000000 } from '../test/wallet';
import { connectMigrated, MigrationsPending } from './connect';
import { dataSourceOptions } from './data-source-options';
import { createInboxOrderIndex, dropInboxOrderIndex, runMigrations } from './migrations';

class BreakWallets1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE half_done (id integer)');
    await runner.query('SELECT * FROM nothing_here');
  }

  async down(): Promise<void> {}
}

class OrderInbox1700000000001 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await createInboxOrderIndex(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropInboxOrderIndex(runner);
  }
}

class IndexWallets1700000000002 implements MigrationInterface {
  readonly transaction = false;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX CONCURRENTLY IF NOT EXISTS wallets_version_ix ON wallets (version)');
  }

  async down(): Promise<void> {}
}

describe('runMigrations', () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await testDatabase('migrations');
  });

  afterEach(async () => {
    await database.drop();
  });

  const tables = async (): Promise<readonly string[]> => {
    const rows = await database.query<{ name: string }>(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };
  const options = (...migrations: (new () => MigrationInterface)[]) =>
    dataSourceOptions({ url: database.url, entities: [], migrations });

  it('applies pending migrations once, with a progress line each', async () => {
    const lines: string[] = [];

    const first = await runMigrations(options(CreateWallets1700000000000), (line) => lines.push(line));
    const second = await runMigrations(options(CreateWallets1700000000000), (line) => lines.push(line));

    expect([first, second]).toEqual([['CreateWallets1700000000000'], []]);
    expect(lines).toEqual([
      expect.stringMatching(/^applied CreateWallets1700000000000 in \d+ ms$/),
      'no pending migrations',
    ]);
    expect(await tables()).toEqual(expect.arrayContaining(['inbox', 'outbox', 'wallets']));
  });

  it('lets one of two concurrent processes apply them', async () => {
    const applied = await Promise.all(
      [1, 2].map(() => runMigrations(options(CreateWallets1700000000000), () => undefined)),
    );

    expect(applied.map(({ length }) => length).sort()).toEqual([0, 1]);
  });

  it('creates an index without blocking writers, even with two concurrent processes', async () => {
    await runMigrations(options(CreateWallets1700000000000), () => undefined);
    const migrations = [CreateWallets1700000000000, OrderInbox1700000000001];

    const applied = await Promise.all([1, 2].map(() => runMigrations(options(...migrations), () => undefined)));

    expect(applied.flat()).toEqual(['OrderInbox1700000000001']);
    const valid = `SELECT indisvalid FROM pg_index WHERE indexrelid = 'inbox_aggregate_sequence_ix'::regclass`;
    expect(await database.query(valid)).toEqual([{ indisvalid: true }]);
  });

  it('prevents a service from running on an older schema, and allows a newer one', async () => {
    await expect(connectMigrated(options(CreateWallets1700000000000))).rejects.toThrow(MigrationsPending);
    await runMigrations(options(CreateWallets1700000000000), () => undefined);

    for (const known of [options(CreateWallets1700000000000), options()]) {
      const dataSource = await connectMigrated(known);
      expect(dataSource.isInitialized).toBe(true);
      await dataSource.destroy();
    }
  });

  it('creates an index under load when the migration disables its transaction', async () => {
    const applied = await runMigrations(
      options(CreateWallets1700000000000, IndexWallets1700000000002),
      () => undefined,
    );

    expect(applied).toEqual(['CreateWallets1700000000000', 'IndexWallets1700000000002']);
    expect(await database.query(`SELECT 1 FROM pg_indexes WHERE indexname = 'wallets_version_ix'`)).toHaveLength(1);
  });

  it('rolls back a failing migration, keeps the earlier ones, and names it', async () => {
    const migrations = [CreateWallets1700000000000, BreakWallets1700000000001];

    const failed = runMigrations(options(...migrations), () => undefined);

    await expect(failed).rejects.toThrow(/BreakWallets1700000000001 failed.*nothing_here/);
    expect(await tables()).toContain('wallets');
    expect(await tables()).not.toContain('half_done');
  });

  it('names DATABASE_URL, and no password, when the database does not answer', async () => {
    const nowhere = dataSourceOptions({
      url: 'postgres://someone:secret@127.0.0.1:1/db',
      entities: [],
      migrations: [],
    });

    const failed = runMigrations(nowhere, () => undefined);

    await expect(failed).rejects.toThrow(/DATABASE_URL.*someone@127\.0\.0\.1:1\/db.*ECONNREFUSED/);
    await expect(failed).rejects.not.toThrow(/secret/);
  });
});
