import { ProductChanged } from '@rookery/contracts';
import {
  type EventRecorder,
  eventually,
  recordEvents,
  testBroker,
  type TestBroker,
  type TestDatabase,
} from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import type { OutboxPublisher } from './outbox-relay';

describe('OutboxRelay with a real broker', () => {
  let database: TestDatabase;
  let service: WalletService;
  let broker: TestBroker;
  let publisher: OutboxPublisher;
  let stream: EventRecorder;

  beforeAll(async () => {
    [database, broker] = await Promise.all([walletDatabase(), testBroker()]);
    service = await walletService(database);
    publisher = await broker.publisher('products');
    stream = await recordEvents(broker, 'products');
  });

  afterAll(async () => {
    await service.stop();
    await Promise.all([broker.close(), database.drop()]);
  });

  it('leaves one message in the stream after a crash between publishing and marking', async () => {
    const wallet = Wallet.open();
    await service.wallets.add(wallet);
    let published = 0;

    service.relay.start({
      publish: async (message) => {
        await publisher.publish(message);
        published += 1;
        if (published > 1) {
          return;
        }
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'outbox-relay'`,
        );
      },
    });

    await eventually(async () => {
      expect(await database.query('SELECT id FROM outbox WHERE published_at IS NULL')).toEqual([]);
    });
    expect(published).toBe(2);
    await service.wallets.update(wallet.id, (loaded) => loaded.deposit(1));
    await eventually(() => expect(stream.of(ProductChanged, wallet.id)).toHaveLength(2));
    expect(stream.messages.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });
});
