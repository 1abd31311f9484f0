import { uuidv7 } from '@rookery/platform';
import type { TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { EventTrail } from './event-trail';
import { Retention } from './retention';

const someText: unknown = expect.any(String);

describe('EventTrail', () => {
  const trail = new EventTrail('wallets');
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

  const read = (aggregateId: string | null, eventIds: readonly string[] = []) =>
    service.unitOfWork.run((tx) => trail.read(tx, aggregateId, eventIds));

  it('lists an aggregate’s events, oldest first, with their publication and without their data', async () => {
    const wallet = Wallet.open();
    await service.wallets.add(wallet);
    await service.wallets.add(Wallet.open());
    await service.wallets.update(wallet.id, (loaded) => loaded.deposit(1));
    await database.query('UPDATE outbox SET published_at = now() WHERE aggregate_id = $1 AND sequence = 1', [
      wallet.id,
    ]);

    const { outbox } = await read(wallet.id);

    const event = { id: someText, name: 'ProductChanged', at: someText, causationId: null, traceId: null };
    expect(outbox).toEqual([
      { ...event, publishedAt: someText },
      { ...event, publishedAt: null },
    ]);
  });

  it('returns when this service processed each requested event, independent of other services', async () => {
    const [taken, others, unknown] = [uuidv7(), uuidv7(), uuidv7()];
    const event = { id: taken, aggregateId: uuidv7(), sequence: 1, skipsGap: false };
    await service.inbox.once(event, () => Promise.resolve());
    await database.query(
      `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence) VALUES ('others', $1, $1, 1)`,
      [others],
    );

    const { inbox } = await read(null, [taken, others, unknown]);

    expect(new Map(inbox.map(({ eventId, takenAt }) => [eventId, takenAt]))).toEqual(
      new Map([
        [taken, expect.any(String)],
        [others, null],
        [unknown, null],
      ]),
    );
  });

  it('returns since when it knows the processed events', async () => {
    const { notedSince } = await read(null);
    expect((Date.now() - Date.parse(notedSince)) / 3_600_000).toBeCloseTo(Retention.inboxHours, 1);
  });
});
