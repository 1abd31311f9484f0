import { randomUUID } from 'node:crypto';
import {
  OrderCanceled,
  OrderConfirmed,
  OrdersRpc,
  PaymentCaptured,
  PaymentFailed,
  PaymentReleased,
  PaymentReserved,
  StockRejected,
  StockReleased,
  StockReserved,
} from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { aProduct } from './order.builder';
import { alice, type OrdersUnderTest, startOrders } from './orders-service';

describe('the saga of an order', () => {
  let orders: OrdersUnderTest;
  const product = aProduct();
  const amount = product.unitPrice;
  const lines = [{ productId: product.productId, quantity: 1 }];

  beforeAll(async () => {
    orders = await startOrders({ catalog: [product] });
  });
  afterAll(() => orders.stop());

  const placed = async (): Promise<string> => {
    const request = { lines, paymentToken: 'tok_ok' };
    return (await orders.call(OrdersRpc.place, request, alice, { idempotencyKey: randomUUID() })).order.id;
  };
  const statusOf = (id: string) => orders.call(OrdersRpc.get, { id }, alice);
  const stepsOf = async (id: string) => (await orders.call(OrdersRpc.timeline, { id }, alice)).items;
  const namesOf = async (id: string) => (await stepsOf(id)).map((step) => step.event);
  const payment = (orderId: string) => ({ orderId, paymentId: randomUUID(), amount });

  it('ends Confirmed when funds and stock are reserved', async () => {
    const id = await placed();
    await orders.publish(PaymentReserved, payment(id));
    await orders.publish(StockReserved, { orderId: id, lines });
    await eventually(async () =>
      expect(await statusOf(id)).toMatchObject({ status: 'Confirmed', reason: null, version: 3 }),
    );
    expect(await orders.published(OrderConfirmed, id)).toEqual({ orderId: id });
    await orders.publish(PaymentCaptured, payment(id));
    await eventually(async () =>
      expect([...(await namesOf(id))].sort()).toEqual([
        'OrderConfirmed',
        'OrderCreated',
        'PaymentCaptured',
        'PaymentReserved',
        'StockReserved',
      ]),
    );
    expect((await statusOf(id)).version).toBe(3);
  });

  it.each(['payment-declined', 'insufficient-funds', 'payment-error'] as const)(
    'ends Canceled for %s',
    async (reason) => {
      const id = await placed();
      await orders.publish(PaymentFailed, { ...payment(id), reason });
      await eventually(async () => expect(await statusOf(id)).toMatchObject({ status: 'Canceled', reason }));
      expect(await orders.published(OrderCanceled, id)).toEqual({ orderId: id, reason });
    },
  );

  it.each(['out-of-stock', 'product-unavailable'] as const)('ends Canceled for %s', async (reason) => {
    const id = await placed();
    await orders.publish(PaymentReserved, payment(id));
    await orders.publish(StockRejected, { orderId: id, reason, productId: product.productId });
    await eventually(async () => expect(await statusOf(id)).toMatchObject({ status: 'Canceled', reason }));
    await orders.publish(PaymentReleased, payment(id));
    await eventually(async () => expect(await namesOf(id)).toContain('PaymentReleased'));
  });

  it('records events after the end without changing the order', async () => {
    const id = await placed();
    const canceled = await orders.call(OrdersRpc.cancel, { id }, alice);
    await orders.publish(PaymentReserved, payment(id));
    await orders.publish(StockReserved, { orderId: id, lines });
    await orders.publish(PaymentFailed, { ...payment(id), reason: 'payment-error' });
    await orders.publish(StockReleased, { orderId: id, lines });
    await eventually(async () =>
      expect(await namesOf(id)).toEqual(
        expect.arrayContaining(['PaymentReserved', 'StockReserved', 'PaymentFailed', 'StockReleased']),
      ),
    );
    expect(await statusOf(id)).toEqual(canceled);
  });

  it('applies an event once that is delivered three times', async () => {
    const id = await placed();
    await orders.publishTimes(3, PaymentReserved, payment(id));
    await orders.publish(StockReserved, { orderId: id, lines });
    await eventually(async () => expect((await statusOf(id)).status).toBe('Confirmed'));
    expect((await namesOf(id)).filter((name) => name === 'PaymentReserved')).toHaveLength(1);
  });

  it('records service, time, attempt, cause and trace of each step', async () => {
    const id = await placed();
    await orders.publish(PaymentFailed, { ...payment(id), reason: 'payment-declined' });
    await eventually(async () => expect(await stepsOf(id)).toHaveLength(3));
    const [created, failed, canceled] = await stepsOf(id);
    expect(created).toMatchObject({ event: 'OrderCreated', service: 'orders', attempt: 1 });
    expect(failed).toMatchObject({ event: 'PaymentFailed', service: 'payments', attempt: 1 });
    expect(canceled).toMatchObject({ event: 'OrderCanceled', service: 'orders', attempt: 1 });
    for (const step of [created, canceled]) {
      expect(step?.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(step?.causationId).toEqual(expect.any(String));
    }
    // A reader that has seen two steps gets the third.
    const after = failed?.position ?? 0;
    const rest = await orders.call(OrdersRpc.timeline, { id, after }, alice);
    expect(rest).toEqual({ status: 'Canceled', items: [canceled] });
  });

  it('notifies live streams after each step', async () => {
    const id = await placed();
    const { told } = await orders.liveTold(id);
    await orders.publish(PaymentReserved, payment(id));
    await expect(told).resolves.toMatchObject({ done: false });
  });

  it('dead-letters an event of an unknown order at once, and handles the next ones', async () => {
    const unknown = randomUUID();
    await orders.publish(PaymentReserved, payment(unknown));
    const id = await placed();
    await orders.publish(PaymentFailed, { ...payment(id), reason: 'payment-declined' });
    await eventually(async () => expect((await statusOf(id)).status).toBe('Canceled'));
    await eventually(async () =>
      expect(await orders.deadLetters()).toMatchObject([{ reason: 'permanent-failure', data: { orderId: unknown } }]),
    );
    const [noted] = await orders.database.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM order_timeline WHERE order_id = $1',
      [unknown],
    );
    expect(noted?.count).toBe(0);
  });
});
