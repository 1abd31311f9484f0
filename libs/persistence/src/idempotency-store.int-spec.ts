import { jest } from '@jest/globals';
import { ProductsRpc, type ProductView } from '@rookery/contracts';
import { type Actor, type KeyedAnswer, keyedRequest, newTraceparent, runInContext, uuidv7 } from '@rookery/platform';
import { eventually, testActor, type TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { IdempotencyStore } from './idempotency-store';

/** An answer of the contract that these specs use. */
const balanceView = (wallet: Wallet): ProductView => ({
  id: wallet.id,
  sku: 'WALLET',
  name: 'Wallet',
  description: null,
  category: null,
  price: { amountMinor: wallet.balanceMinor, currency: 'EUR' },
  stock: { available: wallet.balanceMinor },
  version: wallet.version,
  createdAt: wallet.createdAt.toISOString(),
  updatedAt: wallet.updatedAt.toISOString(),
});

describe('IdempotencyStore', () => {
  let database: TestDatabase;
  let service: WalletService;
  let store: IdempotencyStore;
  let wallet: Wallet;
  const alice = testActor({ subject: 'alice' });

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
    store = new IdempotencyStore(service.unitOfWork);
  });
  beforeEach(async () => {
    wallet = Wallet.open();
    await service.wallets.add(wallet);
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  interface Deposit {
    readonly key: string;
    readonly amount?: number;
    readonly actor?: Actor;
    readonly id?: string;
  }
  const request = ({ amount = 1, id = wallet.id }: Deposit) =>
    keyedRequest(ProductsRpc.adjustStock, { id, adjustment: { delta: amount, reason: 'deposit' } });
  const as = <T>({ key, actor = alice }: Deposit, work: () => Promise<T>): Promise<T> =>
    runInContext(
      { correlationId: uuidv7(), traceparent: newTraceparent(), actor, idempotencyKey: key },
      // The arguments of the call run in the context too.
      async () => work(),
    );
  const change = async ({ amount = 1 }: Deposit): Promise<ProductView> =>
    balanceView(await service.wallets.update(wallet.id, (loaded) => loaded.deposit(amount)));
  const deposit = (given: Deposit, work = change): Promise<KeyedAnswer<ProductView>> =>
    as(given, () => store.once(request(given), () => work(given)));
  const balance = async (): Promise<number> => (await service.wallets.get(wallet.id)).balanceMinor;
  const stored = (key: string) =>
    database.query<{ response: string }>('SELECT response FROM idempotency_key WHERE key = $1', [key]);

  it('executes a change once and repeats the same answer', async () => {
    const key = uuidv7();
    const first = await deposit({ key });
    await deposit({ key: uuidv7() });
    const again = await deposit({ key });
    expect([first.replayed, again.replayed]).toEqual([false, true]);
    expect(JSON.stringify(again.answer)).toBe(JSON.stringify(first.answer));
    expect(await balance()).toBe(2);
  });

  it('executes one of twenty concurrent changes and rejects those during its run', async () => {
    const key = uuidv7();
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => deposit({ key })));
    expect(await balance()).toBe(1);
    expect(await stored(key)).toHaveLength(1);
    const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toMatchObject({ status: 409, code: 'products.idempotency-key-in-use' });
      }
    }
  });

  it.each([
    ['another amount', { amount: 2 }],
    ['another path', { id: uuidv7() }],
  ])('rejects a key that was used with %s', async (_what, other) => {
    const key = uuidv7();
    await deposit({ key });
    await expect(deposit({ key, ...other })).rejects.toMatchObject({
      status: 422,
      code: 'products.idempotency-key-reused',
    });
    expect(await balance()).toBe(1);
  });

  it.each([
    ['subject', { subject: 'bob' }],
    ['client', { clientId: 'another-client' }],
    ['issuer', { issuer: 'https://issuer.example' }],
  ])('keeps the keys of another %s apart', async (_what, other) => {
    const key = uuidv7();
    await deposit({ key });
    expect((await deposit({ key, actor: { ...alice, ...other } })).replayed).toBe(false);
    expect(await balance()).toBe(2);
  });

  it('stores neither change nor key when the change fails, and the key is free again', async () => {
    const key = uuidv7();
    const failing = async (given: Deposit): Promise<ProductView> => {
      await change(given);
      throw new Error('planted');
    };
    await expect(deposit({ key }, failing)).rejects.toThrow('planted');
    expect(await stored(key)).toEqual([]);
    expect(await balance()).toBe(0);
    expect((await deposit({ key })).replayed).toBe(false);
  });

  it('keeps an answer for 24 hours by the database’s clock', async () => {
    const key = uuidv7();
    await deposit({ key });
    const age = (interval: string) =>
      database.query('UPDATE idempotency_key SET expires_at = expires_at - $2::interval WHERE key = $1', [
        key,
        interval,
      ]);
    await age('23 hours 59 minutes');
    expect((await deposit({ key })).replayed).toBe(true);
    await age('1 minute');
    expect((await deposit({ key })).replayed).toBe(false);
    expect(await balance()).toBe(2);
  });

  it('skips the preparation for a stored answer', async () => {
    const given = { key: uuidv7() };
    const prepare = jest.fn(async () => 5);
    const prepared = () =>
      as(given, () => store.onceAfter(request(given), prepare, (amount) => change({ ...given, amount })));
    expect((await prepared()).replayed).toBe(false);
    expect((await prepared()).replayed).toBe(true);
    expect(prepare).toHaveBeenCalledTimes(1);
    expect(await balance()).toBe(5);
  });

  it('deletes expired answers in batches, and nothing else', async () => {
    const key = uuidv7();
    await deposit({ key });
    await database.query(
      `INSERT INTO idempotency_key
       SELECT 'issuer', 'subject', 'client', n::text, 'fingerprint', '{}', now() FROM generate_series(1, 25) AS n`,
    );
    expect(await store.deleteExpired(20)).toBe(20);
    expect(await store.deleteExpired(20)).toBeGreaterThanOrEqual(5);
    expect(await store.deleteExpired(20)).toBe(0);
    expect(await stored(key)).toHaveLength(1);
  });

  describe('with work outside of the database', () => {
    const act = (given: Deposit, work: () => Promise<ProductView>) => as(given, () => store.act(request(given), work));

    it('executes it once and rejects the same request during its run', async () => {
      const given = { key: uuidv7() };
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const work = jest.fn(async () => {
        await promise;
        return balanceView(await service.wallets.get(wallet.id));
      });
      const first = act(given, work);
      await eventually(() => expect(work).toHaveBeenCalled());
      await expect(act(given, work)).rejects.toMatchObject({ code: 'products.idempotency-key-in-use' });
      resolve(undefined);
      const { answer } = await first;
      expect(await act(given, work)).toEqual({ answer, replayed: true });
      expect(work).toHaveBeenCalledTimes(1);
    });

    it('holds no connection during the work', async () => {
      const POOL = 10;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const work = jest.fn(async () => {
        await promise;
        return balanceView(await service.wallets.get(wallet.id));
      });
      const acts = Array.from({ length: 2 * POOL }, () => act({ key: uuidv7() }, work));
      await eventually(() => expect(work).toHaveBeenCalledTimes(2 * POOL));
      expect(await balance()).toBe(0);
      resolve(undefined);
      await Promise.all(acts);
    });

    it('frees the key when it fails, and a minute after its process died', async () => {
      const given = { key: uuidv7() };
      const done = async () => balanceView(await service.wallets.get(wallet.id));
      await expect(act(given, () => Promise.reject(new Error('planted')))).rejects.toThrow('planted');
      expect(await stored(given.key)).toEqual([]);

      const died = Promise.withResolvers<never>();
      void act(given, () => died.promise).catch(() => undefined);
      await eventually(async () => expect(await stored(given.key)).toEqual([{ response: '' }]));
      await expect(act(given, done)).rejects.toMatchObject({ status: 409 });
      await database.query(`UPDATE idempotency_key SET expires_at = expires_at - interval '1 minute' WHERE key = $1`, [
        given.key,
      ]);
      expect((await act(given, done)).replayed).toBe(false);
      died.reject(new Error('planted'));
      await eventually(async () => expect((await act(given, done)).replayed).toBe(true));
    });
  });

  it('rejects a malformed key', async () => {
    for (const [key, fact] of [
      ['short', 'malformed'],
      ['with a space', 'malformed'],
      ['x'.repeat(256), 'malformed'],
    ] as const) {
      await expect(deposit({ key })).rejects.toMatchObject({
        status: 400,
        code: `products.idempotency-key-${fact}`,
      });
    }
  });
});
