import type { DataSource } from 'typeorm';
import { configureLogger, Metrics } from '@rookery/platform';
import { testDatabase, type TestDatabase } from '@rookery/testing';
import { InboxMetrics } from '../src/inbox.metrics';
import { connect, dataSourceOptions, Inbox, Outbox, OutboxRelay, UnitOfWork } from '../src/index';
import { OutboxMetrics } from '../src/outbox.metrics';
import { CreateWallets1700000000000, Wallet, WalletRepository } from './wallet';

// Specs cause failures on purpose; their logs would be noise among the results.
configureLogger('wallets', 'silent');

/** One process of a service with wallets. */
export interface WalletService {
  readonly dataSource: DataSource;
  readonly unitOfWork: UnitOfWork;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly wallets: WalletRepository;
  readonly relay: OutboxRelay;
  readonly metrics: Metrics;
  stop(): Promise<void>;
}

export const walletDatabase = (): Promise<TestDatabase> =>
  testDatabase('wallets', { migrations: [CreateWallets1700000000000] });

/** Creates the objects of one more process on the database. */
export async function walletService(database: TestDatabase): Promise<WalletService> {
  const dataSource = await connect(
    dataSourceOptions({ url: database.url, entities: [Wallet], migrations: [CreateWallets1700000000000] }),
  );
  const unitOfWork = new UnitOfWork(dataSource);
  const outbox = new Outbox(unitOfWork);
  const metrics = new Metrics();
  const relay = new OutboxRelay(dataSource, outbox, new OutboxMetrics(dataSource, metrics));
  return {
    dataSource,
    unitOfWork,
    outbox,
    relay,
    metrics,
    inbox: new Inbox(unitOfWork, 'wallets', new InboxMetrics(metrics)),
    wallets: new WalletRepository(unitOfWork, outbox),
    stop: async () => {
      await relay.stop();
      await dataSource.destroy();
    },
  };
}
