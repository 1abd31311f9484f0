import type { DataSource } from 'typeorm';
import { Deadline, runInContext } from '@rookery/platform';
import type { TestDatabase } from '@rookery/testing';
import { CreateWallets1700000000000 } from '../test/wallet';
import { walletDatabase } from '../test/wallet-service';
import { connect } from './connect';
import { dataSourceOptions } from './data-source-options';
import { isDatabaseUnavailable } from './database-errors';
import { Searches } from './searches';
import { UnitOfWork } from './unit-of-work';

describe('a search', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let unitOfWork: UnitOfWork;
  let searches: Searches;

  beforeAll(async () => {
    database = await walletDatabase();
    // With one connection, each statement gets the settings that the previous one left.
    dataSource = await connect(
      dataSourceOptions({ url: database.url, poolSize: 1, entities: [], migrations: [CreateWallets1700000000000] }),
    );
    unitOfWork = new UnitOfWork(dataSource);
    searches = new Searches(unitOfWork, 'wallets');
  });
  afterAll(async () => {
    await dataSource.destroy();
    await database.drop();
  });

  const within = <T>(leftMs: number, work: () => Promise<T>): Promise<T> =>
    runInContext({ correlationId: 'correlation-1', traceparent: '', deadline: Deadline.in(leftMs) }, work);
  const limit = async (): Promise<string | undefined> =>
    (await unitOfWork.manager.query<{ statement_timeout: string }[]>('SHOW statement_timeout'))[0]?.statement_timeout;

  it('is stopped after half a second with a 503 of its service, which no circuit breaker counts', async () => {
    const startedAt = performance.now();
    await expect(searches.run((tx) => tx.query('SELECT pg_sleep(4)'))).rejects.toMatchObject({
      status: 503,
      code: 'wallets.search-took-too-long',
      retryAfterSeconds: 1,
    });
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('limits each of its statements, and nothing after it on the same connection', async () => {
    await expect(searches.run(async () => [await limit(), await limit()])).resolves.toEqual(['500ms', '500ms']);
    await expect(limit()).resolves.toBe('5s');
    await expect(unitOfWork.run(limit)).resolves.toBe('5s');
  });

  it('has the limit of a request with less time, also within a request with more', async () => {
    await expect(within(300, () => searches.run(limit))).resolves.toMatch(/^(?:[12]\d\d|300)ms$/);
    await expect(within(4_900, () => searches.run(limit))).resolves.toBe('500ms');
  });

  it('does not blame the search when the deadline of its request stops it', async () => {
    const failed: unknown = await within(300, () => searches.run((tx) => tx.query('SELECT pg_sleep(4)'))).catch(
      (error: unknown) => error,
    );
    expect(failed).not.toMatchObject({ code: 'wallets.search-took-too-long' });
    expect(isDatabaseUnavailable(failed)).toBe(true);
  });
});
