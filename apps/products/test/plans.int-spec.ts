import {
  OrderCanceled,
  OrderConfirmed,
  OrderCreated,
  OrderDiagnosisRpc,
  PaymentReserved,
  ProductSorts,
  ProductsRpc,
  ReconciliationRpc,
  StockReserved,
} from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { eventually, publishEvent, type StatementPlan, StatementRecorder } from '@rookery/testing';
import { fillCatalog, PRODUCTS } from './large-catalog';
import { aProduct } from './products-on-postgres';
import { olga, type RunningProducts, startProducts } from './products-service';

/** What grows with the catalog and the number of orders. */
const TABLES = ['products', 'stock', 'stock_adjustments', 'reservations', 'outbox', 'inbox', 'idempotency_key'];
/** A look of a search at the list, with stock; the longest batch of the relay and of a range of records. */
const MOST_ROWS = 2_100;
/** A search's candidates, and the first ones again with their stock. */
const MOST_ROWS_OF_CANDIDATES = 11_100;
const CANDIDATES = /search_grams/;
/** A range of the inbox's BRIN index, which is 128 pages. */
const MOST_ROWS_OF_PRUNING = 10_000;
const PRUNING = /^DELETE FROM inbox/;
/** The database was migrated while statements were recorded. */
const MIGRATION = /NFC NORMALIZED/;

async function fillOrders({ database }: RunningProducts): Promise<void> {
  await database.query(
    `INSERT INTO reservations (id, lines, paid, status)
     SELECT uuidv7(i * interval '-1 s' - interval '3 days'), '[]', true, 'Shipped' FROM generate_series(1, 20000) AS i`,
  );
  await database.query(
    `INSERT INTO outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at, published_at)
     SELECT gen_random_uuid(), 'StockReserved', 1, 'products', 's', id, 1, 'c', '{}', now(), now() FROM reservations`,
  );
  await database.query(
    `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence) SELECT 'products', gen_random_uuid(), id, 1 FROM reservations`,
  );
  await database.query(
    `INSERT INTO idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
     SELECT 'i', 's', 'c', id::text, 'f', '{}', now() + interval '1 day' FROM reservations`,
  );
  await database.query('VACUUM ANALYZE');
}

describe(`products with ${PRODUCTS} products`, () => {
  let service: RunningProducts;
  let plans: readonly StatementPlan[];

  beforeAll(async () => {
    const statements = StatementRecorder.start();
    try {
      service = await startProducts();
      await fillCatalog(service.database);
      await fillOrders(service);
      await listEverything();
      await walkTheSaga();
    } finally {
      statements.stop();
    }
    plans = (await statements.plansIn(service.database, TABLES)).filter(({ text }) => !MIGRATION.test(text));
  }, 120_000);
  afterAll(() => service.stop());

  async function listEverything(): Promise<void> {
    for (const sort of ProductSorts) {
      for (const category of [undefined, 'rare', 'old', 'frequent']) {
        for (const currency of sort.endsWith('price') ? ['EUR', 'JPY'] : [undefined, 'JPY']) {
          for (const q of [undefined, 'zebra', 'a zebra like no other']) {
            const query = { sort, category, currency, q, limit: 20 };
            const { nextCursor } = await service.caller.call(ProductsRpc.list, query);
            if (nextCursor !== null) {
              await service.caller.call(ProductsRpc.list, { ...query, cursor: nextCursor });
            }
          }
        }
      }
    }
  }

  async function walkTheSaga(): Promise<void> {
    const { id: productId } = await service.caller.call(ProductsRpc.create, aProduct({ stock: 5 }), { actor: olga });
    await service.caller.call(ProductsRpc.get, { id: productId });
    await service.caller.call(ProductsRpc.quote, { productIds: [productId] });
    const change = { id: productId, ifMatch: null, change: { name: 'Another' } };
    await service.caller.call(ProductsRpc.change, change, { actor: olga });
    const adjustment = { id: productId, adjustment: { delta: 1, reason: 'found' } };
    await service.caller.call(ProductsRpc.adjustStock, adjustment, { actor: olga });
    for (const confirmed of [true, false]) {
      const orderId = uuidv7();
      const amount = { amountMinor: 1, currency: 'EUR' };
      const lines = [{ productId, quantity: 1 }];
      const order = { orderId, customerId: 'alice', lines, total: amount, sealedPaymentToken: 'sealed' };
      await publishEvent(service.broker, OrderCreated, order, { aggregateId: orderId });
      await publishEvent(service.broker, PaymentReserved, { orderId, paymentId: uuidv7(), amount });
      await service.published.next(StockReserved, orderId);
      const end = { aggregateId: orderId, sequence: 2 };
      await (confirmed
        ? publishEvent(service.broker, OrderConfirmed, { orderId }, end)
        : publishEvent(service.broker, OrderCanceled, { orderId, reason: 'customer-request' }, end));
      await eventually(async () => {
        const trace = { id: orderId, eventIds: [uuidv7()] };
        const { reservation } = await service.caller.call(OrderDiagnosisRpc.products, trace, { actor: olga });
        expect(reservation?.status).toBe(confirmed ? 'Shipped' : 'Released');
      });
    }
    const range = { after: '00000000-0000-7000-8000-000000000000', upTo: uuidv7(), limit: 100 };
    await service.caller.call(ReconciliationRpc.reservations, range, { actor: olga });
  }

  it.each([
    ['a list with all filters', /p\.category = ANY \(\$1.* p\.currency = ANY \(\$2.* \(p\.name .* > \(\$3/s],
    ['a search in the order of its list', /row_number\(\) OVER .*FROM products p WHERE/s],
    ['a search by its characters', CANDIDATES],
    ['a quote', /FROM products WHERE id = ANY\(\$1\)/],
    ['the lock of stock', /FOR UPDATE OF s/],
    ['the lock of a reservation', /FROM "reservations" WHERE "id" = ANY\(\$1\) ORDER BY "id" FOR UPDATE/],
    ['reconciliation records', /FROM reservations WHERE id > \$1/],
    ['the record in the inbox', /INSERT INTO inbox/],
    ['unpublished events', /published_at IS NULL ORDER BY/],
    ['the pruning of each table', /DELETE FROM outbox/],
  ])('has sent the statements of %s', (_, statement) => {
    expect(plans.map(({ text }) => text)).toContainEqual(expect.stringMatching(statement));
  });

  it('reads no table from beginning to end', () => {
    expect(plans.filter(({ wholeTables }) => wholeTables.length > 0)).toEqual([]);
  });

  it('reads a limited number of rows for a statement', () => {
    const limitOf = (text: string): number => {
      if (CANDIDATES.test(text)) {
        return MOST_ROWS_OF_CANDIDATES;
      }
      return PRUNING.test(text) ? MOST_ROWS_OF_PRUNING : MOST_ROWS;
    };
    expect(plans.filter(({ text, rowsRead = 0 }) => rowsRead > limitOf(text))).toEqual([]);
  });
});
