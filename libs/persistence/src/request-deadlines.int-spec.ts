import type { DataSource } from 'typeorm';
import { Deadline, DeadlineExceeded, runInContext } from '@rookery/platform';
import { eventually, type TestDatabase } from '@rookery/testing';
import { CreateWallets1700000000000, Wallet } from '../test/wallet';
import { walletDatabase } from '../test/wallet-service';
import { connect } from './connect';
import { dataSourceOptions, type PostgresOptions } from './data-source-options';
import { databaseErrorCode } from './database-errors';
import { ReservedConnections } from './reserved-connections';
import { UnitOfWork } from './unit-of-work';

const QUERY_CANCELED = '57014';

interface Setting {
  readonly statement_timeout: string;
}

describe('the deadline of a request', () => {
  let database: TestDatabase;
  let options: PostgresOptions;
  let dataSource: DataSource;
  let reserved: ReservedConnections;
  let unitOfWork: UnitOfWork;

  beforeAll(async () => {
    database = await walletDatabase();
    options = dataSourceOptions({
      url: database.url,
      // With one connection, each request gets the settings that the previous one left.
      poolSize: 1,
      entities: [Wallet],
      migrations: [CreateWallets1700000000000],
    });
    dataSource = await connect(options);
    reserved = new ReservedConnections(options);
    unitOfWork = new UnitOfWork(dataSource, reserved);
  });

  afterAll(async () => {
    await reserved.onApplicationShutdown();
    await dataSource.destroy();
    await database.drop();
  });

  /** Runs work as part of a request with the given remaining time. */
  const within = <T>(leftMs: number, work: () => Promise<T>): Promise<T> =>
    runInContext({ correlationId: 'correlation-1', traceparent: '', deadline: Deadline.in(leftMs) }, work);

  const timeoutNow = async (): Promise<string | undefined> => {
    const [setting] = await unitOfWork.manager.query<Setting[]>('SHOW statement_timeout');
    return setting?.statement_timeout;
  };

  /** The error of the work and the milliseconds until it failed. */
  const failure = async (work: Promise<unknown>): Promise<{ readonly tookMs: number; readonly error: unknown }> => {
    const started = performance.now();
    const error: unknown = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { tookMs: performance.now() - started, error };
  };

  it('sends no limit to Postgres for a request with nearly all of its time', async () => {
    // Again when the machine took more than 0.4 s to come to the statement.
    await eventually(() => expect(within(4_900, timeoutNow)).resolves.toBe('5s'));
    await eventually(() => expect(within(4_900, () => unitOfWork.run(timeoutNow))).resolves.toBe('5s'));
  });

  it.each([
    ['outside of a transaction', () => dataSource.query('SELECT pg_sleep(20)')],
    ['in a transaction', () => unitOfWork.run((tx) => tx.query('SELECT pg_sleep(20)'))],
    ['in a snapshot', () => dataSource.transaction('REPEATABLE READ', (tx) => tx.query('SELECT pg_sleep(20)'))],
  ])('cancels a statement in Postgres: %s', async (_, work) => {
    const { tookMs, error } = await failure(within(500, work));
    expect(databaseErrorCode(error)).toBe(QUERY_CANCELED);
    expect(tookMs).toBeLessThan(4_500);
  });

  it('cancels a wait for a lock that another transaction holds', async () => {
    const other = await connect(options);
    const holder = other.createQueryRunner();
    await holder.startTransaction();
    await holder.query('LOCK TABLE wallets IN ACCESS EXCLUSIVE MODE');
    const { tookMs, error } = await failure(within(500, () => unitOfWork.run((tx) => tx.count(Wallet))));
    expect(databaseErrorCode(error)).toBe(QUERY_CANCELED);
    expect(tookMs).toBeLessThan(4_500);
    await holder.rollbackTransaction();
    await holder.release();
    await other.destroy();
  });

  it('gives the next request on the same connection its own time', async () => {
    await expect(within(1_000, timeoutNow)).resolves.toMatch(/^(1s|\d{1,3}ms)$/);
    await expect(within(4_900, timeoutNow)).resolves.toMatch(/^([1-4]\d{3}ms|[2-5]s)$/);
    await expect(within(1_000, () => unitOfWork.run(timeoutNow))).resolves.toMatch(/^(1s|\d{1,3}ms)$/);
    await expect(timeoutNow()).resolves.toBe('5s');
  });

  it('limits statements after a rollback to a savepoint', async () => {
    const timeout = await within(1_000, () =>
      unitOfWork.run(async (tx) => {
        await tx.query('SAVEPOINT attempt');
        await tx.query('SELECT 1 / 0').catch(() => tx.query('ROLLBACK TO SAVEPOINT attempt'));
        return timeoutNow();
      }),
    );
    expect(timeout).toMatch(/^(1s|\d{1,3}ms)$/);
  });

  it('starts no statement once it has passed, and stores nothing of the unfinished work', async () => {
    const wallet = Object.assign(Wallet.open(), { createdAt: new Date(), updatedAt: new Date() });
    const deadline = Deadline.in(300);
    const work = within(300, () =>
      unitOfWork.run(async (tx) => {
        await tx.insert(Wallet, wallet);
        await eventually(() => expect(deadline.hasPassed).toBe(true));
        await tx.query('SELECT 1');
      }),
    );
    await expect(work).rejects.toBeInstanceOf(DeadlineExceeded);
    await expect(dataSource.manager.findOneBy(Wallet, { id: wallet.id })).resolves.toBeNull();
  });

  it('ends the wait for a pooled connection, which then serves others', async () => {
    const holder = dataSource.createQueryRunner();
    await holder.connect();
    let begun = false;
    const work = () =>
      unitOfWork.run(async () => {
        begun = true;
      });
    const { tookMs, error } = await failure(
      within(300, () => {
        // A timer counts from the beginning of its turn of the event loop: this one fires 100 ms before the deadline.
        const busyUntil = performance.now() + 100;
        while (performance.now() < busyUntil) {
          // Nothing else runs.
        }
        return work();
      }),
    );
    expect(error).toBeInstanceOf(DeadlineExceeded);
    expect(tookMs).toBeLessThan(4_500);
    await holder.release();
    await expect(within(5_000, timeoutNow)).resolves.toBeDefined();
    expect(begun).toBe(false);
  });

  it('acquires no connection once it has passed', async () => {
    await expect(within(-1, () => dataSource.query('SELECT 1'))).rejects.toBeInstanceOf(DeadlineExceeded);
  });

  it('does not apply to work without a waiting caller', async () => {
    const timeout = await within(-1, () => unitOfWork.runReserved(timeoutNow));
    expect(timeout).toBe('5s');
  });
});
