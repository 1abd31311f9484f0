import {
  OrderDiagnosisRpc,
  PaymentCaptured,
  PaymentFailed,
  PaymentReleased,
  PaymentReserved,
  PaymentsRpc,
} from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { eventually, testActor } from '@rookery/testing';
import { amount } from './builders';
import { RunningPayments } from './payments-service';

const alice = testActor({ subject: 'alice' });
const bob = testActor({ subject: 'bob' });
const someTime: unknown = expect.any(String);
const olga = testActor({ subject: 'olga', roles: ['operator'] });

describe('the payments service', () => {
  let service: RunningPayments;

  beforeAll(async () => {
    service = await RunningPayments.start();
  }, 30_000);
  afterAll(() => service.stop());

  const paymentOf = (orderId: string): Promise<string> => eventually(() => service.paymentOf(orderId));

  it('is ready, and its probes show it', async () => {
    await eventually(async () => expect((await service.get('/readyz')).statusCode).toBe(200));
    expect((await service.get('/livez')).statusCode).toBe(200);
  });

  it('reserves the funds of a new order and captures them once it is confirmed', async () => {
    const { orderId } = await service.created('tok_ok');
    const paymentId = await paymentOf(orderId);
    expect(await service.published.next(PaymentReserved, paymentId)).toEqual({ orderId, paymentId, amount });
    await service.confirmed(orderId);
    expect(await service.published.next(PaymentCaptured, paymentId)).toEqual({ orderId, paymentId, amount });
  });

  it('publishes its answer under the correlation id of the order, caused by OrderCreated', async () => {
    const { orderId, eventId, correlationId } = await service.created('tok_ok');
    const paymentId = await paymentOf(orderId);
    await service.published.next(PaymentReserved, paymentId);
    const [message] = service.published.messages.filter(({ aggregateId }) => aggregateId === paymentId);
    expect(message).toMatchObject({ correlationId, causationId: eventId, sequence: 1 });
  });

  it('gives the funds of a canceled order back', async () => {
    const { orderId } = await service.created('tok_ok');
    const paymentId = await paymentOf(orderId);
    await service.published.next(PaymentReserved, paymentId);
    await service.canceled(orderId);
    expect(await service.published.next(PaymentReleased, paymentId)).toEqual({ orderId, paymentId, amount });
  });

  it('gives the funds back when the order is canceled while the provider still works', async () => {
    const { orderId } = await service.created('tok_slow');
    const paymentId = await paymentOf(orderId);
    await service.canceled(orderId);
    await service.published.next(PaymentReleased, paymentId);
    expect(await statusOf(orderId)).toBe('Released');
  });

  it('applies a cancellation after its order even when it arrives first, and keeps no money', async () => {
    const orderId = uuidv7();
    await service.canceled(orderId);
    await service.created('tok_ok', orderId);
    const paymentId = await eventually(() => service.paymentOf(orderId));
    await service.published.next(PaymentReleased, paymentId);
    const kept = `SELECT 1 FROM simulator.charges WHERE order_id = $1 AND state IN ('authorized', 'captured')`;
    expect(await service.database.query(kept, [orderId])).toEqual([]);
  });

  it.each([
    ['tok_declined', 'payment-declined'],
    ['tok_insufficient_funds', 'insufficient-funds'],
    ['tok_error', 'payment-error'],
  ])('tells why a payment with %s failed: %s', async (token, reason) => {
    const { orderId } = await service.created(token);
    const paymentId = await paymentOf(orderId);
    expect(await service.published.next(PaymentFailed, paymentId)).toEqual({ orderId, paymentId, amount, reason });
  });

  it('keeps the payment token unreadable in its database', async () => {
    const { orderId } = await service.created('tok_slow');
    await paymentOf(orderId);
    const [row] = await service.database.query<{ everything: string }>(
      'SELECT p::text AS everything FROM payments p WHERE order_id = $1',
      [orderId],
    );
    expect(row?.everything).toContain(orderId);
    expect(row?.everything).not.toContain('tok_');
  });

  it('shows a payment to its customer and to operators, and an empty list to anyone else', async () => {
    const { orderId } = await service.created('tok_ok');
    await service.published.next(PaymentReserved, await paymentOf(orderId));
    const own = await service.caller.call(PaymentsRpc.list, { orderId }, { actor: alice });
    expect(own.items).toEqual([expect.objectContaining({ orderId, status: 'Reserved', amount })]);
    expect(await service.caller.call(PaymentsRpc.list, { orderId }, { actor: olga })).toEqual(own);
    expect(await service.caller.call(PaymentsRpc.list, { orderId }, { actor: bob })).toEqual({ items: [] });
    expect(await service.caller.call(PaymentsRpc.list, { orderId: uuidv7() }, { actor: alice })).toEqual({ items: [] });
  });

  it('answers neither a caller without the scope nor one without an actor', async () => {
    const actor = testActor({ subject: 'alice', scopes: [] });
    const asked = service.caller.call(PaymentsRpc.list, { orderId: uuidv7() }, { actor });
    await expect(asked).rejects.toMatchObject({ status: 403 });
    await expect(service.caller.call(PaymentsRpc.list, { orderId: uuidv7() })).rejects.toMatchObject({ status: 403 });
  });

  const operator = { actor: testActor({ subject: 'olga', roles: ['operator'], scopes: ['ops:read'] }) };

  it('shows operators where the money is, the calls to the provider and the handled events', async () => {
    const { orderId, eventId } = await service.created('tok_timeout_then_ok');
    const paymentId = await paymentOf(orderId);
    await service.published.next(PaymentReserved, paymentId);
    const trace = await eventually(async () => {
      const answer = await service.caller.call(
        OrderDiagnosisRpc.payments,
        { id: orderId, eventIds: [eventId] },
        operator,
      );
      expect(answer.events.outbox).toMatchObject([{ name: 'PaymentReserved', publishedAt: someTime }]);
      return answer;
    });
    expect(trace.payment).toMatchObject({
      id: paymentId,
      status: 'Reserved',
      purpose: 'hold',
      operation: null,
      amount,
    });
    expect(trace.payment?.attempts).toMatchObject([
      { operation: 'authorize', tries: 1, outcome: 'unknown' },
      { operation: 'authorize', tries: 2, outcome: 'authorized' },
    ]);
    expect(trace.events.outbox[0]).toMatchObject({ causationId: eventId });
    expect(trace.events.inbox).toEqual([{ eventId, takenAt: someTime }]);
    expect(JSON.stringify(trace)).not.toMatch(/tok_|sealed|alice/i);
  });

  it('shows operators that an unknown order has no payment, and answers no other caller', async () => {
    const request = { id: uuidv7(), eventIds: [] };
    expect(await service.caller.call(OrderDiagnosisRpc.payments, request, operator)).toMatchObject({ payment: null });
    const asked = service.caller.call(OrderDiagnosisRpc.payments, request, { actor: alice });
    await expect(asked).rejects.toMatchObject({ status: 403 });
  });

  it('handles exactly the events of the registry', () => {
    const { handled, declared } = service.handledEvents();
    expect(handled).toEqual(declared);
  });

  const statusOf = async (orderId: string): Promise<string | undefined> =>
    (await service.database.query<{ status: string }>('SELECT status FROM payments WHERE order_id = $1', [orderId]))[0]
      ?.status;
});
