import { randomUUID } from 'node:crypto';
import { OrderCanceled, OrdersRpc, PaymentReserved } from '@rookery/contracts';
import { timeOfUuid } from '@rookery/platform';
import { eventually, withWallClockAhead } from '@rookery/testing';
import { aProduct } from './order.builder';
import { alice, type OrdersUnderTest, startOrders } from './orders-service';

describe('the deadline of an order', () => {
  let orders: OrdersUnderTest;
  const product = aProduct();

  beforeAll(async () => {
    // Its clock is set ahead while many orders wait: that is no lag of the saga.
    orders = await startOrders({ catalog: [product], deadlineSeconds: 60, lagLimitSeconds: 3_600 });
  });
  afterEach(() => orders.resetClock());
  afterAll(() => orders.stop());

  const place = async (): Promise<string> => {
    const request = { lines: [{ productId: product.productId, quantity: 1 }], paymentToken: 'tok_ok' };
    return (await orders.call(OrdersRpc.place, request, alice, { idempotencyKey: randomUUID() })).order.id;
  };
  const canceled = async (ids: readonly string[]): Promise<number> =>
    (await orders.database.query(`SELECT 1 FROM orders WHERE id = ANY($1) AND status = 'Canceled'`, [ids])).length;
  const view = (id: string) => orders.call(OrdersRpc.get, { id }, alice);

  it('does not touch an order that is not overdue', async () => {
    const id = await place();
    await orders.advanceClock(58_000);
    await orders.sweep();
    expect((await view(id)).status).toBe('Pending');
  });

  it('cancels an overdue order and publishes the cancellation', async () => {
    const id = await place();
    await orders.advanceClock(60_001);
    await eventually(async () =>
      expect(await view(id)).toMatchObject({ status: 'Canceled', reason: 'deadline-exceeded' }),
    );
    expect(await orders.published(OrderCanceled, id)).toEqual({ orderId: id, reason: 'deadline-exceeded' });
    const { items } = await orders.call(OrdersRpc.timeline, { id }, alice);
    expect(items.at(-1)).toMatchObject({ event: 'OrderCanceled', service: 'orders', causationId: null });
    expect(items.at(-1)?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([70_000, -10_000])('comes by the database’s clock, for a process that is %i ms ahead', async (ms) => {
    const id = await withWallClockAhead(ms, async () => {
      const placed = await place();
      await orders.advanceClock(58_000);
      await orders.sweep();
      expect((await view(placed)).status).toBe('Pending');
      await orders.advanceClock(2_001);
      await orders.sweep();
      return placed;
    });
    const { status, createdAt, updatedAt } = await view(id);
    expect(status).toBe('Canceled');
    const heldMs = Date.parse(updatedAt) - Date.parse(createdAt);
    expect(heldMs).toBeGreaterThanOrEqual(60_001);
    // What the spec itself took is in it, and far less than the process's clock is off by.
    expect(heldMs).toBeLessThan(60_001 + 60_000);
    // The id says when it was placed, which reconciliation goes by.
    expect(timeOfUuid(id).toISOString()).toBe(createdAt);
  });

  it('cancels once when several replicas sweep at the same time', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, place));
    await orders.advanceClock(60_001);
    await Promise.all(Array.from({ length: 5 }, () => orders.sweep()));
    const rows = await orders.database.query<{ orders: number; steps: number; events: number }>(
      `SELECT (SELECT count(*)::int FROM orders WHERE id = ANY($1) AND status = 'Canceled' AND version = 2) AS orders,
              (SELECT count(*)::int FROM order_timeline WHERE order_id = ANY($1) AND event = 'OrderCanceled') AS steps,
              (SELECT count(*)::int FROM outbox WHERE aggregate_id = ANY($1) AND name = 'OrderCanceled') AS events`,
      [ids],
    );
    expect(rows).toEqual([{ orders: 20, steps: 20, events: 20 }]);
  });

  it('is enforced for other orders while one order is locked', async () => {
    const locked = await place();
    const others = await Promise.all(Array.from({ length: 9 }, place));
    let waited = 0;
    await orders.database.query('BEGIN');
    await orders.database.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [locked]);
    try {
      await orders.advanceClock(60_001);
      const waits = `SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))`;
      await eventually(
        async () => {
          waited += (await orders.database.query(waits)).length;
          expect(await canceled(others)).toBe(others.length);
        },
        { timeoutMs: 30_000 },
      );
    } finally {
      await orders.database.query('ROLLBACK');
    }
    expect(waited).toBe(0);
    await eventually(async () => expect((await view(locked)).status).toBe('Canceled'));
  });

  it('is enforced while requests hold every connection of the pool', async () => {
    const id = await place();
    const release = await orders.holdPool();
    try {
      await orders.advanceClock(60_001);
      await eventually(async () => expect(await canceled([id])).toBe(1));
    } finally {
      await release();
    }
  });

  it('applies events of other services while requests hold every connection of the pool', async () => {
    const orderId = await place();
    const release = await orders.holdPool();
    try {
      await orders.publish(PaymentReserved, { orderId, paymentId: orderId, amount: product.unitPrice });
      await eventually(async () => {
        const steps = `SELECT 1 FROM order_timeline WHERE order_id = $1 AND event = 'PaymentReserved'`;
        expect(await orders.database.query(steps, [orderId])).toHaveLength(1);
      });
    } finally {
      await release();
    }
  });

  it('is enforced after an outage of the database', async () => {
    const id = await place();
    await orders.database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    await orders.advanceClock(60_001);
    await eventually(async () => expect((await view(id)).status).toBe('Canceled'));
  });
});
