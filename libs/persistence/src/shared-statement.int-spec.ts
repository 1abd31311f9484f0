import type { EntityManager } from 'typeorm';
import { FaultyLink, type TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { GroupCommit } from './group-commit';
import { SharedStatement } from './shared-statement';

describe('a shared statement', () => {
  let database: TestDatabase;
  let service: WalletService;
  let executed: (readonly number[])[];
  let doubled: SharedStatement<number, number>;

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
  });

  beforeEach(() => {
    executed = [];
    doubled = new SharedStatement(async (tx: EntityManager, numbers: readonly number[]) => {
      executed.push(numbers);
      const rows = await tx.query<{ n: number }[]>('SELECT 2 * n AS n FROM unnest($1::integer[]) AS n', [numbers]);
      return rows.map(({ n }) => (n === 0 ? new Error('zero is refused') : n));
    });
  });

  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  it('executes what is requested in one turn together, and gives each caller its own result', async () => {
    const results = await service.unitOfWork.run((tx) =>
      Promise.all([1, 2, 2, 3].map((number) => doubled.run(tx, number))),
    );

    expect(results).toEqual([2, 4, 4, 6]);
    expect(executed).toEqual([[1, 2, 2, 3]]);
  });

  it('fails the caller of a refused request only', async () => {
    const ends = await service.unitOfWork.run((tx) =>
      Promise.allSettled([1, 0, 3].map((number) => doubled.run(tx, number))),
    );

    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('is not shared by two transactions', async () => {
    await Promise.all([1, 2].map((number) => service.unitOfWork.run((tx) => doubled.run(tx, number))));

    expect(executed).toHaveLength(2);
  });

  it('changes the aggregates of a group in as many round trips as one of them, and each on its current state', async () => {
    const link = await FaultyLink.to(database.url);
    const linked = await walletService({ ...database, url: link.url });
    const commit = new GroupCommit(linked.unitOfWork, { reserved: true });
    const ids = await Promise.all(Array.from({ length: 8 }, () => aWallet(linked)));
    const deposit = (id: string): Promise<unknown> =>
      commit.run(() => linked.wallets.update(id, (wallet) => wallet.deposit(1)));
    const roundTripsOf = async (changed: readonly string[]): Promise<number> => {
      const before = link.roundTrips;
      await Promise.all(changed.map(deposit));
      return link.roundTrips - before;
    };
    const [first = '', ...others] = ids;
    await roundTripsOf([first]);

    expect(await roundTripsOf(ids)).toBe(await roundTripsOf([first]));
    await roundTripsOf([first, ...others, first, first]);

    const balances = await Promise.all(ids.map(async (id) => (await linked.wallets.get(id)).balanceMinor));
    expect(balances).toEqual([6, ...others.map(() => 2)]);
    await linked.stop();
    await link.close();
  });

  async function aWallet({ wallets }: WalletService): Promise<string> {
    const wallet = Wallet.open();
    await wallets.add(wallet);
    return wallet.id;
  }
});
