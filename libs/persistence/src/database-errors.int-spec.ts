import { DataSource } from 'typeorm';
import { testDatabase, type TestDatabase } from '@rookery/testing';
import { dataSourceOptions } from './data-source-options';
import { isDatabaseUnavailable } from './database-errors';

describe('a connection that is lost in the middle of a transaction', () => {
  let database: TestDatabase;
  let dataSource: DataSource;

  beforeAll(async () => {
    database = await testDatabase('errors');
    dataSource = await new DataSource(
      dataSourceOptions({ url: database.url, entities: [], migrations: [] }),
    ).initialize();
  });

  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  it('counts as an unavailable database for every later statement and the end of the transaction', async () => {
    const errors: unknown[] = [];
    const work = dataSource.transaction(async (tx) => {
      const attempt = async (sql: string): Promise<void> => {
        await tx.query(sql).catch((error: unknown) => errors.push(error));
      };
      await attempt('SELECT pg_terminate_backend(pg_backend_pid())');
      await attempt('SELECT 1');
      await attempt('SELECT 2');
    });
    await work.catch((error: unknown) => errors.push(error));
    const seen = errors.map(String).join('\n');
    expect(seen).toMatch(/terminating connection/);
    expect(seen).toMatch(/already released/);
    expect(errors.filter((error) => !isDatabaseUnavailable(error))).toEqual([]);
  });
});
