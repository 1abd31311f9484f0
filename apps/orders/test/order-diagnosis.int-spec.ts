import { randomUUID } from 'node:crypto';
import { OrderDiagnosisRpc, OrdersRpc, PaymentReserved } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { aProduct } from './order.builder';
import { alice, olga, type OrdersUnderTest, startOrders } from './orders-service';

const someTime: unknown = expect.any(String);
const operator = { ...olga, scopes: ['ops:read'] };

describe('the diagnosis of an order by orders', () => {
  let orders: OrdersUnderTest;
  const product = aProduct();

  beforeAll(async () => {
    orders = await startOrders({ catalog: [product] });
  });
  afterAll(() => orders.stop());

  const trace = (id: string, eventIds: readonly string[] = []) =>
    orders.call(OrderDiagnosisRpc.orders, { id, eventIds: [...eventIds] }, operator);

  it('returns its state, its steps, its own events and the handled events of other services', async () => {
    const request = { lines: [{ productId: product.productId, quantity: 1 }], paymentToken: 'tok_ok' };
    const { id } = (await orders.call(OrdersRpc.place, request, alice, { idempotencyKey: randomUUID() })).order;
    const payment = { orderId: id, paymentId: randomUUID(), amount: product.unitPrice };
    const taken = await orders.publish(PaymentReserved, payment);
    const unknown = randomUUID();

    const { order, steps, events } = await eventually(async () => {
      const answer = await trace(id, [taken, unknown]);
      expect(answer.steps.map(({ event }) => event)).toEqual(['OrderCreated', 'PaymentReserved']);
      expect(answer.events.outbox).toMatchObject([{ name: 'OrderCreated', publishedAt: someTime }]);
      return answer;
    });
    expect(order).toMatchObject({ status: 'Pending', reason: null, stockReservedAt: null });
    expect(order.paymentReservedAt).toEqual(expect.any(String));
    expect(Date.parse(order.deadlineAt) - Date.parse(order.createdAt)).toBeCloseTo(60_000, -3);
    expect(steps[1]).toMatchObject({ service: 'payments', attempt: 1 });
    expect(new Map(events.inbox.map(({ eventId, takenAt }) => [eventId, takenAt]))).toEqual(
      new Map([
        [taken, expect.any(String)],
        [unknown, null],
      ]),
    );
  });

  it('contains neither the customer nor the payment token', async () => {
    const customer = { ...alice, subject: 'a-customer-to-look-for' };
    const request = { lines: [{ productId: product.productId, quantity: 1 }], paymentToken: 'tok_ok' };
    const { id } = (await orders.call(OrdersRpc.place, request, customer, { idempotencyKey: randomUUID() })).order;
    const text = JSON.stringify(await trace(id));
    expect(text).toContain('OrderCreated');
    expect(text).not.toMatch(/tok_|sealed|a-customer-to-look-for/i);
  });

  it('is 404 for an unknown order, and 403 without the scope', async () => {
    const id = randomUUID();
    await expect(trace(id)).rejects.toMatchObject({ status: 404, code: 'orders.order-not-found' });
    await expect(orders.call(OrderDiagnosisRpc.orders, { id, eventIds: [] }, alice)).rejects.toMatchObject({
      status: 403,
    });
  });

  it('handles exactly the events of the registry', () => {
    const { handled, declared } = orders.handledEvents();
    expect(handled).toEqual(declared);
  });
});
