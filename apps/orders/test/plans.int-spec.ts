import { randomUUID } from 'node:crypto';
import { OrderDiagnosisRpc, OrdersRpc, type OrderView, PaymentReserved, StockReserved } from '@rookery/contracts';
import { eventually, type StatementPlan, StatementRecorder } from '@rookery/testing';
import { aLine, aProduct } from './order.builder';
import { alice, olga, type OrdersUnderTest, startOrders } from './orders-service';
import { SettlementNeighbours } from './reconciliation-neighbours';

/** What grows with the number of orders. */
const TABLES = ['orders', 'order_timeline', 'outbox', 'inbox', 'idempotency_key'];
const ORDERS = 50_000;
/** A page of 20, the longest batch of the relay and of a range of records, and what belongs to them. */
const MOST_ROWS = 2_500;

/** Half of the orders are of one customer, who has one Pending among them. Those that were canceled are all among the oldest. */
async function fill({ database }: OrdersUnderTest): Promise<void> {
  await database.query(
    `INSERT INTO orders (id, version, event_sequence, customer_id, status, reason, lines, total_minor, currency, payment_reserved_at,
                         stock_reserved_at, deadline_at, created_at, updated_at)
     SELECT uuidv7(i * interval '-1 s' - interval '3 days'), 4, 2, CASE WHEN i % 2 = 0 THEN 'alice' ELSE 'customer ' || i % 1000 END, status,
            CASE status WHEN 'Canceled' THEN 'customer-request' END, $1, 1999, 'EUR', now(), now(),
            now() + interval '1 day', now() - interval '3 days', now()
     FROM (SELECT i, CASE WHEN i IN (30001, 40000) THEN 'Pending' WHEN i > 30000 AND i % 3 = 0 THEN 'Canceled' ELSE 'Confirmed' END AS status
           FROM generate_series(1, ${ORDERS}) AS i) AS made`,
    [JSON.stringify([aLine()])],
  );
  await database.query(
    `INSERT INTO order_timeline (order_id, event, service, at, attempt)
     SELECT id, event, 'orders', now(), 1 FROM orders, unnest(ARRAY['OrderCreated', 'OrderConfirmed']) AS event`,
  );
  await database.query(
    `INSERT INTO outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data, occurred_at, published_at)
     SELECT gen_random_uuid(), 'OrderCreated', 1, 'orders', 's', id, 1, 'c', '{}', now(), now() FROM orders`,
  );
  await database.query(
    `INSERT INTO inbox (consumer, event_id, aggregate_id, sequence) SELECT 'orders', gen_random_uuid(), id, 1 FROM orders`,
  );
  await database.query(
    `INSERT INTO idempotency_key (issuer, subject, client_id, key, fingerprint, response, expires_at)
     SELECT 'i', 's', 'c', id::text, 'f', '{}', now() + interval '1 day' FROM orders`,
  );
  await database.query('VACUUM ANALYZE');
}

describe(`orders with ${ORDERS} orders`, () => {
  const product = aProduct();
  let orders: OrdersUnderTest;
  let plans: readonly StatementPlan[];

  beforeAll(async () => {
    const statements = StatementRecorder.start();
    try {
      orders = await startOrders({ catalog: [product] });
      await fill(orders);
      await listEverything();
      await walkTheSaga();
      const neighbours = await SettlementNeighbours.start(orders);
      await eventually(async () => {
        await orders.reconcile();
        expect(neighbours.asked).not.toEqual([]);
      });
    } finally {
      statements.stop();
    }
    plans = await statements.plansIn(orders.database, TABLES);
  }, 120_000);
  afterAll(() => orders.stop());

  async function listEverything(): Promise<void> {
    for (const actor of [alice, olga]) {
      for (const status of [undefined, 'Pending', 'Confirmed', 'Canceled'] as const) {
        const page = await orders.call(OrdersRpc.list, { status, limit: 20 }, actor);
        const cursor = page.nextCursor ?? undefined;
        if (cursor !== undefined) {
          await orders.call(OrdersRpc.list, { status, limit: 20, cursor }, actor);
        }
      }
    }
  }

  async function walkTheSaga(): Promise<void> {
    const request = { lines: [{ productId: product.productId, quantity: 1 }], paymentToken: 'tok_ok' };
    const place = async (): Promise<OrderView> =>
      (await orders.call(OrdersRpc.place, request, alice, { idempotencyKey: randomUUID() })).order;
    const { id } = await place();
    await orders.publish(PaymentReserved, { orderId: id, paymentId: id, amount: product.unitPrice });
    await orders.publish(StockReserved, { orderId: id, lines: [{ productId: product.productId, quantity: 1 }] });
    await eventually(async () =>
      expect(await orders.call(OrdersRpc.get, { id }, alice)).toMatchObject({ status: 'Confirmed' }),
    );
    await orders.call(OrdersRpc.timeline, { id }, alice);
    await orders.call(OrderDiagnosisRpc.orders, { id, eventIds: [randomUUID()] }, { ...olga, scopes: ['ops:read'] });
    await orders.call(OrdersRpc.cancel, { id: (await place()).id }, alice);
    await orders.sweep();
    await eventually(async () => expect(await orders.metric('outbox_unpublished_events')).toBe(0));
  }

  it.each([
    ['lists of a customer', /"root"."customer_id" = \$1.*"root"."status" = ANY \(\$2\).*"root"."id" < \$3/s],
    ['the lock of an order', /FOR UPDATE$/],
    ['the deadline sweeper', /SKIP LOCKED/],
    ['the progress of the saga', /newestDone/],
    ['the steps of an order', /FROM "order_timeline"/],
    ['unpublished events', /published_at IS NULL ORDER BY/],
    ['the mark of published events', /UPDATE outbox SET published_at/],
    ['the record in the inbox', /INSERT INTO inbox/],
    ['stored answers', /FROM idempotency_key AS stored\s+WHERE \(issuer/],
    ['the pruning of each table', /DELETE FROM (?:outbox|inbox|idempotency_key)/],
    ['reconciliation records', /FROM orders WHERE id > \$1 AND id <= \$2/],
  ])('has sent the statements of %s', (_, statement) => {
    expect(plans.map(({ text }) => text)).toContainEqual(expect.stringMatching(statement));
  });

  it('reads no table from beginning to end', () => {
    expect(plans.filter(({ wholeTables }) => wholeTables.length > 0)).toEqual([]);
  });

  it(`reads at most ${MOST_ROWS} rows for a statement`, () => {
    expect(plans.filter(({ rowsRead = 0 }) => rowsRead > MOST_ROWS)).toEqual([]);
  });
});
