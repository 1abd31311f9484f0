import { eventually, type TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';

describe('UnitOfWork', () => {
  let database: TestDatabase;
  let service: WalletService;

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
  });

  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  it('runs the whole closure again after a deadlock', async () => {
    const [first, second] = [Wallet.open(), Wallet.open()];
    await service.wallets.add(first);
    await service.wallets.add(second);
    const bothHoldOne = Promise.withResolvers<undefined>();
    let holding = 0;
    let attempts = 0;
    const moveBetween = (from: Wallet, to: Wallet): Promise<void> =>
      service.unitOfWork.run(async () => {
        attempts += 1;
        await service.wallets.update(from.id, (wallet) => wallet.deposit(1));
        holding += 1;
        if (holding === 2) {
          bothHoldOne.resolve(undefined);
        }
        await bothHoldOne.promise;
        await service.wallets.update(to.id, (wallet) => wallet.deposit(1));
      });

    await Promise.all([moveBetween(first, second), moveBetween(second, first)]);

    // More than one repetition when the repeated run locks its row before the other one has noticed that it may.
    expect(attempts).toBeGreaterThanOrEqual(3);
    for (const { id } of [first, second]) {
      expect(await service.wallets.get(id)).toMatchObject({ balanceMinor: 2, version: 3, eventSequence: 3 });
    }
  });

  it('gives up after five serialization failures', async () => {
    let attempts = 0;

    const work = service.unitOfWork.run(async (tx) => {
      attempts += 1;
      await tx.query(`DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$`);
    });

    await expect(work).rejects.toThrow('conflict');
    expect(attempts).toBe(5);
  });

  it('does not repeat work that fails for another reason', async () => {
    let attempts = 0;

    const work = service.unitOfWork.run(async (tx) => {
      attempts += 1;
      await tx.query('SELECT 1 / 0');
    });

    await expect(work).rejects.toThrow('division by zero');
    expect(attempts).toBe(1);
  });

  it('lets a nested run join the transaction around it', async () => {
    const wallet = Wallet.open();

    const work = service.unitOfWork.run(async (outer) => {
      await service.unitOfWork.run(async (inner) => {
        expect(inner).toBe(outer);
        await service.wallets.add(wallet);
      });
      expect(await service.wallets.find(wallet.id)).not.toBeNull();
      throw new Error('refused');
    });

    await expect(work).rejects.toThrow('refused');
    expect(await service.wallets.find(wallet.id)).toBeNull();
  });

  it('calls back after a commit and not after a rollback', async () => {
    const wallet = Wallet.open();
    const calls: string[] = [];
    let visible: boolean | undefined;

    await service.unitOfWork.run(async () => {
      await service.wallets.add(wallet);
      service.unitOfWork.afterCommit(async () => {
        visible = (await service.wallets.find(wallet.id)) !== null;
      });
      calls.push('work');
    });
    const refused = service.unitOfWork.run(async () => {
      service.unitOfWork.afterCommit(() => void calls.push('rolled back'));
      throw new Error('refused');
    });

    await expect(refused).rejects.toThrow('refused');
    await eventually(() => expect(visible).toBe(true));
    expect(calls).toEqual(['work']);
  });

  it('does not let a failing callback fail the work', async () => {
    const done = service.unitOfWork.run(async () => {
      service.unitOfWork.afterCommit(() => {
        throw new Error('late');
      });
      return 'done';
    });

    await expect(done).resolves.toBe('done');
  });

  it('rejects a commit that Postgres would silently roll back', async () => {
    const work = service.unitOfWork.run(async (tx) => {
      await tx.query('SELECT 1 / 0').catch(() => undefined);
    });

    await expect(work).rejects.toThrow('aborted');
  });

  it('commits when a savepoint undid a failed statement', async () => {
    const work = service.unitOfWork.run(async (tx) => {
      await tx.query('SAVEPOINT attempt');
      await tx.query('SELECT 1 / 0').catch(() => tx.query('ROLLBACK TO SAVEPOINT attempt'));
      return 'done';
    });

    await expect(work).resolves.toBe('done');
  });

  it('limits the duration of a statement', async () => {
    const [setting] = await service.dataSource.query<{ statement_timeout: string }[]>('SHOW statement_timeout');
    const [isolation] =
      await service.dataSource.query<{ transaction_isolation: string }[]>('SHOW transaction_isolation');

    expect(setting?.statement_timeout).toBe('5s');
    expect(isolation?.transaction_isolation).toBe('read committed');
  });
});
