import { ProductsRpc, type ProductView } from '@rookery/contracts';
import { keyedRequest, newTraceparent, runInContext, uuidv7 } from '@rookery/platform';
import { testActor, type TestDatabase } from '@rookery/testing';
import { Wallet } from '../test/wallet';
import { walletDatabase, walletService, type WalletService } from '../test/wallet-service';
import { IdempotencyStore } from './idempotency-store';
import { createInboxOrderIndex } from './migrations';
import { RelaySession } from './relay-session';

const ROWS = 20_000;
/** Postgres plans a prepared statement with its values five times, and then once for all values. */
const TIMES = 8;
const GROUP = 10;
const TABLES = ['wallets', 'inbox', 'outbox', 'idempotency_key'];

const VIEW: ProductView = {
  id: uuidv7(),
  sku: 'WALLET',
  name: 'Wallet',
  description: null,
  category: null,
  price: { amountMinor: 0, currency: 'EUR' },
  stock: { available: 0 },
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
};

/** No statistics are gathered meanwhile, as on a new system under its first load. */
const FILL = [
  `INSERT INTO wallets (id, version, event_sequence, created_at, updated_at, balance_minor, notes, limit_per_day_minor)
   SELECT gen_random_uuid(), 1, 1, now(), now(), 0, '[]', 0 FROM generate_series(1, ${ROWS})`,
  `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence) SELECT 'wallets', gen_random_uuid(), gen_random_uuid(), 1 FROM wallets`,
  `INSERT INTO outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at, published_at)
   SELECT gen_random_uuid(), 'n', 1, 's', 's', gen_random_uuid(), 1, 'c', '{}', now(), now() FROM wallets`,
  `INSERT INTO idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
   SELECT 'https://issuer.example', 'alice', 'c', id::text, 'f', '{}', now() + interval '1 day' FROM wallets`,
];

describe('plans that were made while the tables were empty', () => {
  let database: TestDatabase;
  let service: WalletService;
  let relay: RelaySession;
  let store: IdempotencyStore;

  beforeAll(async () => {
    database = await walletDatabase();
    service = await walletService(database);
    relay = await RelaySession.connect(database.url);
    store = new IdempotencyStore(service.unitOfWork);
    const migrating = service.dataSource.createQueryRunner();
    await createInboxOrderIndex(migrating);
    await migrating.release();
    for (const table of TABLES) {
      await database.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
    }
  }, 60_000);
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  /** Groups of ten, as under load: with single ones Postgres would not keep a plan for all values. */
  async function workOfMany(): Promise<void> {
    for (let time = 0; time < TIMES; time += 1) {
      await Promise.all(Array.from({ length: GROUP }, work));
      await relay.markPublished((await relay.unpublished(GROUP * 4)).map(({ position }) => position));
    }
  }

  /** What an order does: a keyed request that adds an aggregate, and two events about it. */
  async function work(): Promise<void> {
    const wallet = Wallet.open();
    const context = { correlationId: uuidv7(), traceparent: newTraceparent(), actor: testActor({ subject: 'alice' }) };
    const adjustment = { delta: 1, reason: 'deposit' };
    await runInContext({ ...context, idempotencyKey: uuidv7() }, () =>
      store.onceAfter(
        keyedRequest(ProductsRpc.adjustStock, { id: wallet.id, adjustment }),
        () => Promise.resolve(),
        async () => {
          await service.wallets.add(wallet);
          return VIEW;
        },
      ),
    );
    const aggregateId = uuidv7();
    for (const sequence of [1, 2]) {
      await service.inbox.once({ id: uuidv7(), aggregateId, sequence, skipsGap: false }, async () => {
        await service.wallets.update(wallet.id, (loaded) => loaded.deposit(1));
      });
    }
  }

  /** Rows that sessions have read from tables and indexes so far; a session that has ended has told them. */
  async function rowsRead(): Promise<number> {
    await database.query('SELECT pg_stat_force_next_flush()');
    await service.unitOfWork.manager.query('SELECT pg_stat_force_next_flush()');
    const [row] = await database.query<{ rows: string }>(
      `SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY($1))
            + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY($1)) AS rows`,
      [TABLES],
    );
    return Number(row?.rows);
  }

  it('do not read a whole table that has grown since', async () => {
    await workOfMany();
    for (const statement of FILL) {
      await database.query(statement);
    }
    const before = await rowsRead();

    await workOfMany();

    await relay.close();
    expect((await rowsRead()) - before).toBeLessThan(ROWS);
  });
});
