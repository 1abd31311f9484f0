import { runInContext, uuidv7 } from '@rookery/platform';
import type { TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';

describe('AggregateRepository', () => {
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

  const added = async (balanceMinor = 0): Promise<Wallet> => {
    const wallet = Wallet.open(balanceMinor);
    await service.wallets.add(wallet);
    return wallet;
  };
  const sequencesOf = async (id: string): Promise<readonly number[]> => {
    const rows = await database.query<{ sequence: number }>(
      'SELECT sequence FROM outbox WHERE aggregate_id = $1 ORDER BY id',
      [id],
    );
    return rows.map(({ sequence }) => sequence);
  };

  it('stores a new aggregate at version 1 together with its event', async () => {
    const { id } = await added(250);

    expect(await service.wallets.get(id)).toMatchObject({
      id,
      version: 1,
      eventSequence: 1,
      balanceMinor: 250,
      notes: [],
      limit: { perDayMinor: 1_000 },
    });
    expect(await sequencesOf(id)).toEqual([1]);
  });

  it('applies two parallel updates one after the other', async () => {
    const { id } = await added();

    await Promise.all(Array.from({ length: 8 }, () => service.wallets.update(id, (wallet) => wallet.deposit(10))));

    expect(await service.wallets.get(id)).toMatchObject({ balanceMinor: 80, version: 9 });
    expect(await sequencesOf(id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('returns the stored aggregate', async () => {
    const { id } = await added();

    const updated = await service.wallets.update(id, (wallet) => wallet.deposit(10));

    expect(updated).toEqual(await service.wallets.get(id));
    expect(updated.updatedAt.getTime()).toBeGreaterThanOrEqual(updated.createdAt.getTime());
  });

  it('stores a change inside a jsonb or an embedded value', async () => {
    const { id } = await added();

    await service.wallets.update(id, (wallet) => {
      wallet.note('rent');
      wallet.limit.perDayMinor = 5;
    });

    expect(await service.wallets.get(id)).toMatchObject({ version: 2, notes: ['rent'], limit: { perDayMinor: 5 } });
  });

  it('keeps the version when nothing changed', async () => {
    const { id } = await added();

    await service.wallets.update(id, () => undefined);

    expect(await service.wallets.get(id)).toMatchObject({ version: 1 });
  });

  it('rejects a stale version with 412', async () => {
    const { id } = await added();
    await service.wallets.update(id, (wallet) => wallet.deposit(1));

    const stale = service.wallets.update(id, (wallet) => wallet.deposit(1), { expectedVersions: [1] });

    await expect(stale).rejects.toMatchObject({ status: 412, code: 'wallets.stale-version' });
    expect(await service.wallets.get(id)).toMatchObject({ balanceMinor: 1, version: 2 });
  });

  it('accepts only one of two parallel updates of the same expected version', async () => {
    const { id } = await added();

    const results = await Promise.allSettled(
      [10, 20].map((amount) =>
        service.wallets.update(id, (wallet) => wallet.deposit(amount), { expectedVersions: [1] }),
      ),
    );

    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await service.wallets.get(id)).toMatchObject({ version: 2 });
  });

  it('rejects an unknown id with 404', async () => {
    await expect(service.wallets.update(uuidv7(), () => undefined)).rejects.toMatchObject({
      status: 404,
      code: 'wallets.wallet-not-found',
    });
    expect(await service.wallets.find(uuidv7())).toBeNull();
  });

  it('stores neither a change nor an event when the rule rejects', async () => {
    const { id } = await added(5);

    const refused = service.wallets.update(id, (wallet) => {
      wallet.deposit(1);
      throw new Error('refused');
    });

    await expect(refused).rejects.toThrow('refused');
    expect(await service.wallets.get(id)).toMatchObject({ balanceMinor: 5, version: 1 });
    expect(await sequencesOf(id)).toEqual([1]);
  });

  it('stores neither a change nor an event when the database rejects', async () => {
    const { id } = await added(5);

    await expect(service.wallets.update(id, (wallet) => wallet.deposit(-10))).rejects.toMatchObject({
      driverError: { constraint: 'wallets_balance_ck' },
    });

    expect(await service.wallets.get(id)).toMatchObject({ balanceMinor: 5, version: 1 });
    expect(await sequencesOf(id)).toEqual([1]);
  });

  it('rolls aggregate and event back with the unit of work around them', async () => {
    const wallet = Wallet.open();

    const refused = service.unitOfWork.run(async () => {
      await service.wallets.add(wallet);
      throw new Error('refused');
    });

    await expect(refused).rejects.toThrow('refused');
    expect(await service.wallets.find(wallet.id)).toBeNull();
    expect(await sequencesOf(wallet.id)).toEqual([]);
  });

  it('keeps the events of a new aggregate when its transaction has to run again', async () => {
    const wallet = Wallet.open();
    let attempts = 0;

    await service.unitOfWork.run(async (tx) => {
      attempts += 1;
      await service.wallets.add(wallet);
      if (attempts === 1) {
        await tx.query(`DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$`);
      }
    });

    expect(attempts).toBe(2);
    expect(await sequencesOf(wallet.id)).toEqual([1]);
  });

  it('gives events the correlation, cause and trace of the request', async () => {
    const context = {
      correlationId: 'correlation-1',
      causationId: uuidv7(),
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };

    const { id } = await runInContext(context, () => added());

    const rows = await database.query('SELECT * FROM outbox WHERE aggregate_id = $1', [id]);
    expect(rows).toEqual([
      expect.objectContaining({
        name: 'ProductChanged',
        version: 1,
        source: 'products',
        subject: 'events.products.product.product-changed.v1',
        correlation_id: context.correlationId,
        causation_id: context.causationId,
        traceparent: context.traceparent,
        data: { productId: id, version: 1, change: 'created' },
        published_at: null,
      }),
    ]);
  });
});
