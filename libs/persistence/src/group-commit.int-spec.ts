import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { eventually, type TestDatabase } from '@rookery/testing';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { GroupCommit } from './group-commit';

const caller = new AsyncLocalStorage<string>();

describe('group commit', () => {
  let database: TestDatabase;
  let service: WalletService;
  let gate: PromiseWithResolvers<undefined>;
  let commit: GroupCommit;
  let transactions: Map<EntityManager, number>;

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
    await service.dataSource.query('CREATE TABLE counters (id integer PRIMARY KEY, n integer NOT NULL)');
  });

  beforeEach(async () => {
    await database.query('TRUNCATE counters');
    await database.query('INSERT INTO counters SELECT id, 0 FROM generate_series(1, 100) AS id');
    transactions = new Map();
    gate = Promise.withResolvers();
    commit = new GroupCommit(service.unitOfWork, { reserved: true });
  });

  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  const run = (id: number): Promise<string> => commit.run((tx) => count(tx, id));

  async function count(tx: EntityManager, id: number): Promise<string> {
    transactions.set(tx, (transactions.get(tx) ?? 0) + 1);
    await gate.promise;
    if (id < 0) {
      throw new Error(`${id} is refused`);
    }
    await service.unitOfWork.run((joined) => {
      expect(joined).toBe(tx);
      return joined.query('UPDATE counters SET n = n + 1 WHERE id = $1', [id]);
    });
    return `${id} of ${caller.getStore() ?? 'nobody'}`;
  }

  const together = (ids: readonly number[]): Promise<readonly string[]> =>
    Promise.all(ids.map((id) => caller.run(`caller ${id}`, () => run(id))));

  const sizes = (): readonly number[] => [...transactions.values()];

  const counted = async (): Promise<readonly number[]> =>
    (await database.query<{ id: number }>('SELECT id FROM counters WHERE n = 1 ORDER BY id')).map(({ id }) => id);

  it('starts what arrives in one turn at once, and runs together what arrived in the meantime', async () => {
    const first = together([1, 2]);
    await eventually(() => expect(sizes()).toEqual([2]));
    const later = [together([3])];
    await setImmediate();
    later.push(together([4, 5, 6]));
    gate.resolve(undefined);

    const results = (await Promise.all([first, ...later])).flat();
    expect(results).toEqual([1, 2, 3, 4, 5, 6].map((id) => `${id} of caller ${id}`));
    expect(sizes()).toEqual([2, 4]);
    expect(await counted()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('fails the caller of a failing item only, and takes effect once for each other', async () => {
    const results = Promise.allSettled([1, 2, 3, -1, 4, 5].map((id) => run(id)));
    await eventually(() => expect(sizes()).toEqual([6]));
    gate.resolve(undefined);

    const failed = (await results).map(({ status }) => status === 'rejected');
    expect(failed).toEqual([false, false, false, true, false, false]);
    expect(await counted()).toEqual([1, 2, 3, 4, 5]);
  });

  it('does not join the transaction of a caller', async () => {
    gate.resolve(undefined);
    const refused = service.unitOfWork.run(async () => {
      await run(1);
      throw new Error('refused');
    });

    await expect(refused).rejects.toThrow('refused');
    expect(await counted()).toEqual([1]);
  });

  it('lets work on the same rows take turns, and starts other work at once', async () => {
    gate.resolve(undefined);
    const seen: string[] = [];
    const turn = (key: string, name: string): Promise<void> =>
      commit.run((tx) =>
        service.unitOfWork.inTurn(key, async () => {
          seen.push(`${name} begins`);
          await tx.query('SELECT');
          seen.push(`${name} ends`);
        }),
      );

    await Promise.all([turn('one', 'first'), turn('one', 'second'), turn('other', 'third')]);

    const order = (...names: string[]): number[] => names.map((name) => seen.indexOf(name));
    expect(order('first ends', 'second begins')).toEqual(order('first ends', 'second begins').toSorted());
    expect(order('third begins', 'first ends')).toEqual(order('third begins', 'first ends').toSorted());
  });

  it.each([[[1, 2]], [[3]]])('lets others pass items whose rows are locked: %j', async (locked) => {
    const ids = [1, 2, 3, 4, 5, 6];
    const others = ids.filter((id) => !locked.includes(id));
    await database.query('BEGIN');
    await database.query('SELECT FROM counters WHERE id = ANY($1) FOR UPDATE', [locked]);
    gate.resolve(undefined);
    const results = ids.map(async (id) => ({ id, result: await run(id) }));

    try {
      await Promise.all(results.filter((_, index) => !locked.includes(index + 1)));
      await eventually(async () => expect(await countedElsewhere()).toEqual(others));
    } finally {
      await database.query('COMMIT');
    }
    await Promise.all(results);
    expect(await counted()).toEqual(ids);
  });

  /** Not on the connection that holds the lock. */
  const countedElsewhere = async (): Promise<readonly number[]> =>
    (await service.dataSource.query<{ id: number }[]>('SELECT id FROM counters WHERE n = 1 ORDER BY id')).map(
      ({ id }) => id,
    );
});
