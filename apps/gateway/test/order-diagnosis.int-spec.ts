import { OrderDiagnosis } from '@rookery/contracts';
import { ServiceUnavailable } from '@rookery/platform';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { deadLetterId, orderId, unknownId } from './neighbours';
import { orderCreatedId, paymentReservedId } from './order-facts';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
let token: string;

beforeEach(async () => {
  gateway = await startGateway({ REQUEST_TIMEOUT_MS: '60000' });
  token = await gateway.issuer.token({ scopes: ['ops:read'], roles: ['operator'] });
});
afterEach(() => gateway.close());

/** Hides the dead letters of the stubs, which would otherwise be the diagnosis of the order. */
function withoutLetters(): void {
  gateway.state.hold = Promise.reject(new ServiceUnavailable());
}

async function trace(): Promise<OrderDiagnosis> {
  const response = await gateway.request(`/v1/ops/orders/${orderId}`, { token });
  expect(response.status).toBe(200);
  expect(response.headers.get('cache-control')).toBe('private, no-store');
  return OrderDiagnosis.parse(await response.json());
}

it('names the service that has not handled an event, with the timeline of all services', async () => {
  const { waitsFor, order, payment, reservation, timeline, services } = await trace();
  expect(waitsFor).toMatch(/^products has not taken PaymentReserved, published \d+:\d\d:\d\d ago$/);
  expect(order).toMatchObject({ status: 'Pending', deadlineAt: '2026-11-23T08:00:59.000Z' });
  expect(payment).toMatchObject({ status: 'Reserved', attempts: [{ operation: 'authorize', outcome: 'authorized' }] });
  expect(reservation).toMatchObject({ status: 'Awaiting', paid: false });
  expect(services.map(({ answered }) => answered)).toEqual([true, true, true]);
  expect(timeline).toMatchObject([
    {
      event: 'OrderCreated',
      eventId: orderCreatedId,
      publication: 'published',
      consumers: [
        { service: 'payments', state: 'taken' },
        { service: 'products', state: 'taken' },
      ],
    },
    {
      event: 'PaymentReserved',
      eventId: paymentReservedId,
      attempt: 1,
      causationId: orderCreatedId,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      consumers: [
        { service: 'orders', state: 'taken', at: '2026-11-23T08:00:09.000Z' },
        { service: 'products', state: 'waiting', at: '2026-11-23T08:00:02.000Z' },
      ],
    },
  ]);
});

it('joins the dead letters of the order', async () => {
  const { deadLetters } = await trace();
  expect(deadLetters.complete).toBe(true);
  expect(deadLetters.items.map(({ id }) => id)).toEqual([deadLetterId, 'payments-2', 'payments-5']);
});

it('shows the rest and names the service that does not respond', async () => {
  await gateway.stubs.diagnosePayment.stop();
  withoutLetters();
  const { waitsFor, order, payment, timeline, services } = await trace();
  expect(services).toContainEqual({ service: 'payments', answered: false, problem: 'unavailable' });
  expect(waitsFor).toBe('products has not taken PaymentReserved; payments is not answering');
  expect(order).toMatchObject({ status: 'Pending' });
  expect(payment).toBeNull();
  // Orders has recorded PaymentReserved, which OrderCreated caused, so payments has handled OrderCreated.
  expect(timeline).toMatchObject([
    { event: 'OrderCreated', consumers: [{ service: 'payments', state: 'taken', at: null }, { state: 'taken' }] },
    {
      event: 'PaymentReserved',
      eventId: null,
      publishedAt: null,
      consumers: [{ state: 'taken' }, { state: 'waiting' }],
    },
  ]);
});

it('does not wait long for a service without a response', async () => {
  withoutLetters();
  gateway.state.silent = new Promise(() => undefined);
  const started = performance.now();
  const { waitsFor, services } = await trace();
  expect(services).toContainEqual({ service: 'products', answered: false, problem: 'deadline-exceeded' });
  expect(waitsFor).toMatch(/^products is not answering: whether it has taken PaymentReserved \(.* ago\) is unknown$/);
  expect(performance.now() - started).toBeLessThan(30_000);
});

it('shows the rest when the dead letters cannot be listed', async () => {
  withoutLetters();
  const { waitsFor, deadLetters } = await trace();
  expect(deadLetters).toEqual({ items: [], complete: false });
  expect(waitsFor).toMatch(/^products has not taken PaymentReserved/);
});

it('answers 404 for an order that does not exist, and 400 for an invalid id', async () => {
  const unknown = await gateway.request(`/v1/ops/orders/${unknownId}`, { token });
  expect(unknown.status).toBe(404);
  expect((await problemOf(unknown)).code).toBe('orders.order-not-found');
  const bad = await gateway.request(`/v1/ops/orders/${encodeURIComponent("1' OR 1=1")}`, { token });
  expect(bad.status).toBe(400);
  await problemOf(bad);
});

it('answers 503 when no service is available', async () => {
  const { diagnoseOrder, diagnosePayment, diagnoseReservation } = gateway.stubs;
  await Promise.all([diagnoseOrder, diagnosePayment, diagnoseReservation].map((stub) => stub.stop()));
  const response = await gateway.request(`/v1/ops/orders/${orderId}`, { token });
  expect(response.status).toBe(503);
  await problemOf(response);
});
