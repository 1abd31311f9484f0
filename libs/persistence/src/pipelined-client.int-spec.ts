import { setTimeout as delay } from 'node:timers/promises';
import * as pg from 'pg';
import { z } from 'zod';
import { Deadline, runInContext } from '@rookery/platform';
import { eventually, FaultyLink, type TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { writeLater, writeRowLater } from './write-later';

const INSERT = 'INSERT INTO notes (id) VALUES ($1)';
const INSERT_ROWS = 'INSERT INTO notes (id) SELECT id FROM unnest($1::integer[]) AS id';

describe('a pipelined connection', () => {
  let database: TestDatabase;
  let service: WalletService;

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
    await service.dataSource.query('CREATE TABLE notes (id integer PRIMARY KEY)');
  });

  beforeEach(async () => {
    await database.query('TRUNCATE notes');
  });

  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  const notes = async (): Promise<readonly number[]> =>
    (await database.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).map(({ id }) => id);

  it('opens no transaction for work without a statement', async () => {
    const transactions = async (): Promise<number> => {
      const [row] = await database.query<{ commits: string }>(
        'SELECT xact_commit AS commits FROM pg_stat_database WHERE datname = current_database()',
      );
      return Number(row?.commits);
    };
    await service.unitOfWork.run(() => Promise.resolve());
    await database.query('SELECT pg_stat_force_next_flush()');
    const before = await transactions();

    for (let count = 0; count < 50; count += 1) {
      await service.unitOfWork.run(() => Promise.resolve());
    }

    await database.query('SELECT pg_stat_force_next_flush()');
    expect((await transactions()) - before).toBeLessThan(50);
  });

  it('shows a later statement of the transaction what was to be written later, and others nothing before the commit', async () => {
    await service.unitOfWork.run(async (tx) => {
      await writeLater(tx, INSERT, [1]);
      expect(await tx.query('SELECT id FROM notes')).toEqual([{ id: 1 }]);
      expect(await notes()).toEqual([]);
    });

    expect(await notes()).toEqual([1]);
  });

  it('commits only when every write succeeded', async () => {
    const work = service.unitOfWork.run(async (tx) => {
      await writeLater(tx, INSERT, [1]);
      await writeLater(tx, INSERT, [2]);
      await writeLater(tx, INSERT, [1]);
    });

    await expect(work).rejects.toMatchObject({ driverError: { code: '23505' } });
    expect(await notes()).toEqual([]);
  });

  it('reports the failed write and not the statement that it made fail', async () => {
    const work = service.unitOfWork.run(async (tx) => {
      await writeLater(tx, INSERT, [1]);
      await writeLater(tx, INSERT, [1]);
      await tx.query('SELECT 1');
    });

    await expect(work).rejects.toMatchObject({ driverError: { code: '23505' } });
  });

  it('sends nothing of work that failed, and is clean for the next one', async () => {
    const failed = service.unitOfWork.run(async (tx) => {
      await writeLater(tx, INSERT, [1]);
      throw new Error('refused');
    });
    await expect(failed).rejects.toThrow('refused');

    await service.unitOfWork.run((tx) => writeLater(tx, INSERT, [2]));

    expect(await notes()).toEqual([2]);
  });

  it('does not report a failure again in the next transaction of the connection', async () => {
    const twice = service.unitOfWork.run(async (tx) => {
      await writeLater(tx, INSERT, [1]);
      await writeLater(tx, INSERT, [1]);
    });
    await expect(twice).rejects.toThrow('duplicate key');

    for (let id = 1; id <= 20; id += 1) {
      await service.unitOfWork.run((tx) => writeLater(tx, INSERT, [id]));
    }

    expect(await notes()).toHaveLength(20);
  });

  it('writes rows of the same statement together, in their order', async () => {
    await service.dataSource.query('CREATE SEQUENCE writes');
    const insertCounted = `INSERT INTO notes (id) SELECT 100 * (SELECT nextval('writes')) + id FROM unnest($1::integer[]) AS id`;

    await service.unitOfWork.run(async (tx) => {
      await writeRowLater(tx, insertCounted, [1]);
      await writeLater(tx, INSERT, [7]);
      await writeRowLater(tx, insertCounted, [2]);
      await tx.query('SELECT 1');
      await writeRowLater(tx, insertCounted, [3]);
    });

    expect(await notes()).toEqual([7, 101, 102, 203]);
  });

  it('fails all rows of a statement with one of them', async () => {
    const work = service.unitOfWork.run(async (tx) => {
      await writeRowLater(tx, INSERT_ROWS, [1]);
      await writeRowLater(tx, INSERT_ROWS, [1]);
    });

    await expect(work).rejects.toMatchObject({ driverError: { code: '23505' } });
    expect(await notes()).toEqual([]);
  });

  it('writes a row at once outside of a transaction', async () => {
    await writeRowLater(service.dataSource.manager, INSERT_ROWS, [1]);

    expect(await notes()).toEqual([1]);
  });

  it('does not hand a transaction that was not ended to the next caller', async () => {
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.release();

    await service.dataSource.query(INSERT, [1]);

    expect(await notes()).toEqual([1]);
  });

  it('does not hand a transaction in progress to the next caller', async () => {
    const runner = service.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(INSERT, [1]);
    await runner.release();

    await service.dataSource.query(INSERT, [2]);

    expect(await notes()).toEqual([2]);
  });

  it('stores nothing when the transaction cannot be started', async () => {
    const restore = failStarts();
    const writesFirst = service.unitOfWork.run((tx) => tx.query(INSERT, [1]));
    await expect(writesFirst).rejects.toThrow('division by zero');
    const onlyLater = service.unitOfWork.run((tx) => writeLater(tx, INSERT, [2]));
    await expect(onlyLater).rejects.toThrow('division by zero');
    const readsFirst = service.unitOfWork.run(async (tx) => {
      await tx.query('SELECT 1');
      await tx.query(INSERT, [3]);
    });
    await expect(readsFirst).rejects.toThrow();
    restore();

    expect(await notes()).toEqual([]);
  });

  it('refuses past the deadline of a request what was to be written later', async () => {
    const late = runInContext({ correlationId: 'late', traceparent: '', deadline: Deadline.in(150) }, () =>
      service.unitOfWork.run(async (tx) => {
        await tx.query('SELECT 1');
        await delay(300);
        await writeLater(tx, INSERT, [1]);
      }),
    );

    await expect(late).rejects.toThrow('The deadline passed');
    expect(await notes()).toEqual([]);
  });

  it('fails at the write when a value has no JSON', async () => {
    const work = service.unitOfWork.run(async (tx) => {
      await writeLater(tx, INSERT, [1]);
      await writeLater(tx, INSERT, [{ amount: 1n }]);
    });

    await expect(work).rejects.toThrow('BigInt');
    expect(await notes()).toEqual([]);
  });

  it('replaces a connection whose prepared statement became unusable', async () => {
    await service.dataSource.query('CREATE TABLE typed (id integer)');
    const read = () => service.unitOfWork.run((tx) => tx.query('SELECT id FROM typed WHERE id >= $1', [0]));
    await read();
    await service.dataSource.query('ALTER TABLE typed ALTER COLUMN id TYPE bigint');

    await expect(read()).rejects.toThrow('cached plan');

    await eventually(async () => expect(await read()).toEqual([]));
  });

  it('calls a callback back', async () => {
    const runner = service.dataSource.createQueryRunner();
    const client = z.instanceof(pg.Client).parse(await runner.connect());
    const rows = await new Promise((resolve) => {
      client.query('SELECT 1 AS one', (_error, result) => resolve(result.rows));
    });
    await runner.release();

    expect(rows).toEqual([{ one: 1 }]);
  });

  it('executes a write at once outside of a transaction', async () => {
    await writeLater(service.dataSource.manager, INSERT, [1]);

    expect(await notes()).toEqual([1]);
  });

  it('prepares a statement once, and stops before texts that differ fill the server', async () => {
    const prepared = await service.unitOfWork.run(async (tx) => {
      for (let count = 0; count < 300; count += 1) {
        await tx.query(`SELECT $1::integer + ${count}`, [1]);
        await tx.query('SELECT $1::integer', [1]);
      }
      const [row] = await tx.query<{ count: number }[]>('SELECT count(*)::integer FROM pg_prepared_statements');
      return row?.count;
    });

    expect(prepared).toBe(250);
  });

  it('needs two round trips for a change of an aggregate: one reads, the other writes and commits', async () => {
    const link = await FaultyLink.to(database.url);
    const linked = await walletService({ ...database, url: link.url });
    const wallet = Wallet.open();
    await linked.wallets.add(wallet);
    await linked.wallets.update(wallet.id, (loaded) => loaded.deposit(1));

    const before = link.roundTrips;
    await linked.wallets.update(wallet.id, (loaded) => loaded.deposit(1));
    const roundTrips = link.roundTrips - before;

    await linked.stop();
    await link.close();
    expect(roundTrips).toBe(2);
  });

  it('ends the work when the connection is lost between a write and the commit, and stores nothing', async () => {
    const lost = service.unitOfWork.run(async (tx) => {
      const [session] = await tx.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      await writeLater(tx, INSERT, [1]);
      await database.query('SELECT pg_terminate_backend($1)', [session?.pid]);
      await eventually(async () =>
        expect(await database.query('SELECT FROM pg_stat_activity WHERE pid = $1', [session?.pid])).toEqual([]),
      );
    });

    await expect(lost).rejects.toThrow();
    expect(await notes()).toEqual([]);
  });
});

/** From now on each START TRANSACTION fails on the server. Result: a function that ends this. */
function failStarts(): () => void {
  const { prototype } = pg.Client;
  const query: unknown = Reflect.get(prototype, 'query');
  if (typeof query !== 'function') {
    throw new Error('the client has no method query');
  }
  Reflect.set(prototype, 'query', function (this: unknown, ...args: unknown[]): unknown {
    const answer: unknown = Reflect.apply(query, this, args[0] === 'START TRANSACTION' ? ['SELECT 1 / 0'] : args);
    return answer;
  });
  return () => void Reflect.set(prototype, 'query', query);
}
