import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { eventually, type TestDatabase } from '@rookery/testing';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { allSettled, GroupedWork } from './grouped-work';

const caller = new AsyncLocalStorage<string>();

describe('grouped work', () => {
  let database: TestDatabase;
  let service: WalletService;
  let sizes: number[];
  let gate: PromiseWithResolvers<undefined>;
  let work: GroupedWork<number, string>;

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
    await service.dataSource.query('CREATE TABLE counters (id integer PRIMARY KEY, n integer NOT NULL)');
  });

  beforeEach(async () => {
    await database.query('TRUNCATE counters');
    await database.query('INSERT INTO counters SELECT id, 0 FROM generate_series(1, 100) AS id');
    sizes = [];
    gate = Promise.withResolvers();
    work = new GroupedWork(service.unitOfWork, async (tx, group) => {
      sizes.push(group.length);
      await gate.promise;
      return allSettled(group.map(({ item, run }) => run(() => count(tx, item))));
    });
  });

  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  async function count(tx: EntityManager, id: number): Promise<string> {
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
    Promise.all(ids.map((id) => caller.run(`caller ${id}`, () => work.run(id))));

  const counted = async (): Promise<readonly number[]> =>
    (await database.query<{ id: number }>('SELECT id FROM counters WHERE n = 1 ORDER BY id')).map(({ id }) => id);

  it('starts what arrives in one turn at once, and runs together what arrived in the meantime', async () => {
    const first = together([1, 2]);
    await eventually(() => expect(sizes).toEqual([2]));
    const later = [together([3])];
    await setImmediate();
    later.push(together([4, 5, 6]));
    gate.resolve(undefined);

    const results = (await Promise.all([first, ...later])).flat();
    expect(results).toEqual([1, 2, 3, 4, 5, 6].map((id) => `${id} of caller ${id}`));
    expect(sizes).toEqual([2, 4]);
    expect(await counted()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('fails the caller of a failing item only, and takes effect once for each other', async () => {
    const results = Promise.allSettled([1, 2, 3, -1, 4, 5].map((id) => work.run(id)));
    await eventually(() => expect(sizes).toEqual([6]));
    gate.resolve(undefined);

    const failed = (await results).map(({ status }) => status === 'rejected');
    expect(failed).toEqual([false, false, false, true, false, false]);
    expect(await counted()).toEqual([1, 2, 3, 4, 5]);
  });

  it('does not join the transaction of a caller', async () => {
    gate.resolve(undefined);
    const refused = service.unitOfWork.run(async () => {
      await work.run(1);
      throw new Error('refused');
    });

    await expect(refused).rejects.toThrow('refused');
    expect(await counted()).toEqual([1]);
  });

  it('rejects all items of a group with a missing result', async () => {
    const careless = new GroupedWork<number, string>(service.unitOfWork, () => Promise.resolve([]));

    await expect(careless.run(1)).rejects.toThrow('0 results');
  });

  it.each([[[1, 2]], [[3]]])('lets others pass items whose rows are locked: %j', async (locked) => {
    const ids = [1, 2, 3, 4, 5, 6];
    const others = ids.filter((id) => !locked.includes(id));
    await database.query('BEGIN');
    await database.query('SELECT FROM counters WHERE id = ANY($1) FOR UPDATE', [locked]);
    gate.resolve(undefined);
    const results = ids.map(async (id) => ({ id, result: await work.run(id) }));

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
