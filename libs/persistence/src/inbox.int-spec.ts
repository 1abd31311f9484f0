import { uuidv7 } from '@rookery/platform';
import type { TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { EventTooEarly, type InboxEvent } from './inbox';

describe('Inbox', () => {
  let database: TestDatabase;
  let service: WalletService;
  let wallet: Wallet;

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
  });

  beforeEach(async () => {
    wallet = Wallet.open();
    await service.wallets.add(wallet);
  });

  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  const newEvent = (): InboxEvent => ({ id: uuidv7(), aggregateId: uuidv7(), sequence: 1, skipsGap: false });
  const depositOnce = (event: InboxEvent): Promise<boolean> =>
    service.inbox.once(event, async () => {
      await service.wallets.update(wallet.id, (loaded) => loaded.deposit(1));
    });

  it('lets an event take effect once', async () => {
    const event = newEvent();

    expect([await depositOnce(event), await depositOnce(event)]).toEqual([true, false]);

    expect(await service.wallets.get(wallet.id)).toMatchObject({ balanceMinor: 1 });
  });

  it('lets an event take effect once when it is delivered ten times concurrently', async () => {
    const event = newEvent();

    const effects = await Promise.all(Array.from({ length: 10 }, () => depositOnce(event)));

    expect(effects.filter(Boolean)).toHaveLength(1);
    expect(await service.wallets.get(wallet.id)).toMatchObject({ balanceMinor: 1 });
  });

  it('counts deliveries without effect', async () => {
    const event = newEvent();
    const duplicates = async (): Promise<number> =>
      Number(/^inbox_duplicates_total (\d+)$/m.exec(await service.metrics.registry.metrics())?.[1]);
    const before = await duplicates();

    for (let delivery = 0; delivery < 3; delivery += 1) {
      await depositOnce(event);
    }

    expect((await duplicates()) - before).toBe(2);
  });

  it('processes an event again whose effect failed', async () => {
    const event = newEvent();
    const failed = service.inbox.once(event, async () => {
      await service.wallets.update(wallet.id, (loaded) => loaded.deposit(1));
      throw new Error('failed');
    });

    await expect(failed).rejects.toThrow('failed');
    expect(await depositOnce(event)).toBe(true);

    expect(await service.wallets.get(wallet.id)).toMatchObject({ balanceMinor: 1, version: 2 });
  });

  it('processes an event whose concurrent first delivery fails', async () => {
    const event = newEvent();
    const started = Promise.withResolvers<undefined>();
    const mayFail = Promise.withResolvers<undefined>();
    const first = service.inbox.once(event, async () => {
      started.resolve(undefined);
      await mayFail.promise;
      throw new Error('failed');
    });
    await started.promise;
    const second = depositOnce(event);
    mayFail.resolve(undefined);

    await expect(first).rejects.toThrow('failed');
    expect(await second).toBe(true);
  });

  it('rejects an event before its predecessor without effect, and processes it afterwards', async () => {
    const first = newEvent();
    const second = { ...first, id: uuidv7(), sequence: 2 };

    await expect(depositOnce(second)).rejects.toThrow(EventTooEarly);
    expect(await service.wallets.get(wallet.id)).toMatchObject({ balanceMinor: 0 });

    expect([await depositOnce(first), await depositOnce(second)]).toEqual([true, true]);
    expect(await service.wallets.get(wallet.id)).toMatchObject({ balanceMinor: 2 });
  });

  it('processes an event without its predecessor after the gap timeout, and the predecessor afterwards', async () => {
    const first = newEvent();
    const second = { ...first, id: uuidv7(), sequence: 2, skipsGap: true };

    expect([await depositOnce(second), await depositOnce(first)]).toEqual([true, true]);
  });

  it('records an event without handler as a predecessor, in order and once', async () => {
    const first = newEvent();
    const [second, third] = [2, 3].map((sequence) => ({ ...first, id: uuidv7(), sequence }));
    if (second === undefined || third === undefined) {
      throw new Error('there are two');
    }

    await expect(service.inbox.pass(second)).rejects.toThrow(EventTooEarly);
    await service.inbox.pass(first);
    await service.inbox.pass(second);
    await service.inbox.pass(second);

    expect(await depositOnce(third)).toBe(true);
    expect(await service.wallets.get(wallet.id)).toMatchObject({ balanceMinor: 1 });
    const notes = await database.query('SELECT FROM inbox WHERE aggregate_id = $1', [first.aggregateId]);
    expect(notes).toHaveLength(3);
  });

  it('recognizes an event whose predecessor was deleted', async () => {
    const first = newEvent();
    const second = { ...first, id: uuidv7(), sequence: 2 };
    await depositOnce(first);
    await depositOnce(second);
    await database.query('DELETE FROM inbox WHERE event_id = $1', [first.id]);

    expect(await depositOnce(second)).toBe(false);
  });
});
