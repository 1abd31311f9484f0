import { randomUUID } from 'node:crypto';
import { OrdersRpc, PaymentReserved, type PlaceOrder, StockReserved } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { aProduct } from './order.builder';
import { alice, type OrdersUnderTest, startOrders } from './orders-service';

const product = aProduct();
const request: PlaceOrder = { lines: [{ productId: product.productId, quantity: 1 }], paymentToken: 'tok_ok' };

/** Two fifths of the 60 s that an order has. */
const LAG_LIMIT_MS = 24_000;

let orders: OrdersUnderTest;
beforeEach(async () => {
  orders = await startOrders({ catalog: [product], deadlineSeconds: 60 });
});
afterEach(() => orders.stop());

/** Longer than the answers of a busy machine take: these specs are about the clock that the lag is measured by. */
const PATIENT_MS = 30_000;

const place = (key: string = randomUUID()) =>
  orders.call(OrdersRpc.place, request, alice, { idempotencyKey: key, timeoutMs: PATIENT_MS });
const placeMany = async (count: number): Promise<string[]> => {
  const placed = await Promise.all(Array.from({ length: count }, () => place()));
  return placed.map(({ order }) => order.id);
};
const count = async (table: 'orders' | 'outbox' | 'idempotency_key', where = 'true'): Promise<number> => {
  const sql = `SELECT count(*)::int AS count FROM ${table} WHERE ${where}`;
  return (await orders.database.query<{ count: number }>(sql))[0]?.count ?? Number.NaN;
};
const confirm = async (ids: readonly string[]): Promise<void> => {
  for (const orderId of ids) {
    await orders.publish(PaymentReserved, { orderId, paymentId: orderId, amount: product.unitPrice });
    await orders.publish(StockReserved, { orderId, lines: [{ productId: product.productId, quantity: 1 }] });
  }
};
const lagging = { status: 503, code: 'orders.saga-lag', retryAfterSeconds: 5 };

describe('while payments has stalled', () => {
  it('refuses new orders once the lag is reached, stores nothing of them, and still replays earlier answers', async () => {
    const key = randomUUID();
    const first = await place(key);
    await placeMany(24);
    await orders.advanceClock(LAG_LIMIT_MS);
    await eventually(() => expect(place()).rejects.toMatchObject(lagging));
    const before = [await count('orders'), await count('outbox'), await count('idempotency_key')];
    await expect(place()).rejects.toMatchObject(lagging);
    expect([await count('orders'), await count('outbox'), await count('idempotency_key')]).toEqual(before);
    expect(await place(key)).toEqual({ order: first.order, replayed: true });
    expect(await orders.metric('orders_refused_total{reason="saga-lag"}')).toBeGreaterThanOrEqual(2);
    expect(await orders.metric('orders_saga_lag_seconds')).toBeGreaterThanOrEqual(LAG_LIMIT_MS / 1_000);
  });

  it('admits orders again when the waiting ones are done', async () => {
    const waiting = await placeMany(25);
    await orders.advanceClock(LAG_LIMIT_MS);
    await eventually(() => expect(place()).rejects.toMatchObject(lagging));
    await confirm(waiting);
    await eventually(async () => expect((await place()).order.status).toBe('Pending'));
    await placeMany(25);
    // The gate opens before the last waiting order is done.
    await eventually(async () =>
      expect(await orders.metric('orders_saga_lag_seconds')).toBeLessThan(LAG_LIMIT_MS / 2_000),
    );
  });

  it('admits a few after all orders reached their deadline, and all once one of the few completed the saga', async () => {
    await placeMany(25);
    await orders.advanceClock(LAG_LIMIT_MS);
    await eventually(() => expect(place()).rejects.toMatchObject(lagging));
    await orders.advanceClock(60_000);
    await eventually(async () => expect(await count('orders', `status = 'Pending'`)).toBe(0));
    const probe = await eventually(() => place());
    await eventually(async () => {
      await expect(place()).rejects.toMatchObject(lagging);
    });
    expect(await count('orders', `status = 'Pending'`)).toBeLessThanOrEqual(20);
    await confirm([probe.order.id]);
    await eventually(() => placeMany(25));
  });

  it('keeps admitting orders when the stall lasts only some seconds', async () => {
    await placeMany(25);
    await orders.advanceClock(LAG_LIMIT_MS / 2);
    await eventually(async () => expect(await orders.metric('orders_saga_lag_seconds')).toBeGreaterThan(11));
    await placeMany(5);
  });

  it('keeps admitting orders when some wait for something of their own and later ones do not', async () => {
    const ids = await placeMany(25);
    const last = (await place()).order.id;
    expect(ids.every((id) => id < last)).toBe(true);
    await confirm([last]);
    await orders.advanceClock(LAG_LIMIT_MS);
    await eventually(async () => expect(await count('orders', `status = 'Confirmed'`)).toBe(1));
    await eventually(async () => expect(await orders.metric('orders_saga_waiting')).toBe(0));
    await placeMany(5);
  });
});

describe('while the stream of events is full', () => {
  const full = { status: 503, code: 'orders.stream-full', retryAfterSeconds: 5 };

  it('refuses new orders, keeps the refused events, and continues without loss when there is room', async () => {
    await orders.limitStream(20_000);
    const placed = new Set<string>();
    // More orders than the gate can refuse in time; the outbox keeps their events.
    const answers = await Promise.allSettled(Array.from({ length: 60 }, () => place()));
    for (const answer of answers) {
      if (answer.status === 'fulfilled') {
        placed.add(answer.value.order.id);
      }
    }
    expect(placed.size).toBeGreaterThan(20);
    await eventually(() => expect(place()).rejects.toMatchObject(full));
    const stored = await count('orders');
    await expect(place()).rejects.toMatchObject(full);
    expect(await count('orders')).toBe(stored);
    expect(stored).toBe(placed.size);
    expect(await count('outbox', 'published_at IS NULL')).toBeGreaterThan(0);
    await eventually(async () =>
      expect(await orders.metric('event_stream_bytes{stream="ORDERS"}')).toBeGreaterThan(0.9 * 20_000),
    );
    expect(await orders.metric('event_stream_max_bytes{stream="ORDERS"}')).toBe(20_000);

    await orders.limitStream(1_000_000);
    await eventually(async () => expect(await count('outbox', 'published_at IS NULL')).toBe(0), { timeoutMs: 30_000 });
    placed.add((await eventually(() => place())).order.id);
    await eventually(async () => expect(await orders.storedEvents()).toHaveLength(placed.size));
    const events = await orders.storedEvents();
    expect(new Set(events.map(({ orderId }) => orderId))).toEqual(placed);
  });
});
