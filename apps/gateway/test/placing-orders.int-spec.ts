import { decodeJwt } from 'jose';
import { Headers as NatsHeaders, OrdersRpc } from '@rookery/contracts';
import { DomainError } from '@rookery/platform';
import { eventually, LENIENCY } from '@rookery/testing';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { order, orderId, productId, unknownId } from './neighbours';
import { problemOf } from './problem';

const DEADLINE_MS = 1_000;

let gateway: GatewayUnderTest;
let alice: string;
/** Headers of the requests to orders. */
const sent: Record<string, string>[] = [];

beforeAll(async () => {
  gateway = await startGateway({ REQUEST_TIMEOUT_MS: String(DEADLINE_MS) });
  alice = await gateway.issuer.token({ subject: 'alice', scopes: ['orders:write', 'orders:read'] });
  const admin = await gateway.broker.adminConnection();
  admin.subscribe(OrdersRpc.place.subject, {
    callback: (_error, { headers }) => {
      sent.push(Object.fromEntries((headers?.keys() ?? []).map((name) => [name, headers?.get(name) ?? ''])));
    },
  });
  await admin.flush();
});
afterAll(() => gateway.close());
afterEach(() => {
  gateway.state.replayed = false;
  gateway.state.failure = undefined;
});

const body = { lines: [{ productId, quantity: 2 }], paymentToken: 'tok_ok' };
const place = (headers: Record<string, string>, order: unknown = body) =>
  gateway.send('POST', '/v1/orders', order, { token: alice, headers });

async function sentWith(correlationId: string): Promise<Record<string, string>> {
  return eventually(() => {
    const headers = sent.find((one) => one[NatsHeaders.correlationId] === correlationId);
    if (headers === undefined) {
      throw new Error('nothing was sent yet');
    }
    return headers;
  });
}

it('answers 201 with the Pending order, its location and its ETag', async () => {
  const response = await place({ 'idempotency-key': 'first-order-1' });
  expect(response.status).toBe(201);
  expect(response.headers.get('location')).toBe(`/v1/orders/${orderId}`);
  expect(response.headers.get('etag')).toBe('"1"');
  expect(response.headers.has('idempotent-replayed')).toBe(false);
  expect(await response.json()).toEqual(order);
});

it('answers a replay byte for byte like the first request, marked as replayed', async () => {
  const first = await place({ 'idempotency-key': 'replayed-order' });
  gateway.state.replayed = true;
  const again = await place({ 'idempotency-key': 'replayed-order' });
  expect(again.status).toBe(first.status);
  expect(again.headers.get('idempotent-replayed')).toBe('true');
  expect(await again.text()).toBe(await first.text());
  for (const name of ['location', 'etag', 'content-type', 'content-length']) {
    expect(again.headers.get(name)).toBe(first.headers.get(name));
  }
});

it.each([
  ['quoted', '"the-same-key"'],
  ['bare', 'the-same-key'],
])('forwards the %s key with actor, correlation id and remaining time, signed for orders', async (form, key) => {
  const correlationId = `spec-${form}-key`;
  const response = await place({ 'idempotency-key': key, 'x-correlation-id': correlationId, 'x-user': 'mallory' });
  expect(response.headers.get('x-correlation-id')).toBe(correlationId);
  const headers = await sentWith(correlationId);
  expect(headers[NatsHeaders.idempotencyKey]).toBe('the-same-key');
  const timeLeftMs = Number(headers[NatsHeaders.timeLeft]);
  expect(timeLeftMs).toBeGreaterThan(0);
  expect(timeLeftMs).toBeLessThan(DEADLINE_MS);
  const token = decodeJwt((headers[NatsHeaders.authorization] ?? '').replace(/^Bearer /i, ''));
  expect(token).toMatchObject({
    iss: 'gateway',
    aud: 'orders',
    actor: { subject: 'alice', issuer: gateway.issuer.url },
  });
  expect(Object.keys(headers)).not.toContain('x-user');
});

it('requires a key', async () => {
  const response = await place({ 'idempotency-key': '' });
  expect(response.status).toBe(400);
  expect((await problemOf(response)).code).toBe('orders.idempotency-key-missing');
});

it.each([['seven77'], ['x'.repeat(256)], ['has a space in it'], ['"never closed']])(
  'rejects the key %j',
  async (key) => {
    const asked = gateway.stubs.placeOrder.requests.length;
    const response = await place({ 'idempotency-key': key });
    expect(response.status).toBe(400);
    expect((await problemOf(response)).code).toBe('orders.idempotency-key-malformed');
    expect(gateway.stubs.placeOrder.requests).toHaveLength(asked);
  },
);

it.each([
  [422, undefined],
  [409, 1],
])('forwards the problem %i of orders', async (status, retryAfterSeconds) => {
  gateway.state.failure = new DomainError({
    status,
    code: 'orders.test',
    title: 'Test',
    detail: 'A test.',
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
  const response = await place({ 'idempotency-key': `problem-${status}` });
  expect(response.status).toBe(status);
  expect(await problemOf(response)).toMatchObject({ code: 'orders.test', instance: '/v1/orders' });
  expect(response.headers.get('retry-after')).toBe(retryAfterSeconds === undefined ? null : '1');
});

it('forwards the service’s answer for an unknown order, and cancels with 202', async () => {
  const unknown = await gateway.request(`/v1/orders/${unknownId}`, { token: alice });
  expect(unknown.status).toBe(404);
  const canceled = await gateway.request(`/v1/orders/${orderId}/cancellations`, { method: 'POST', token: alice });
  expect(canceled.status).toBe(202);
  expect(await canceled.json()).toEqual(order);
});

it.each([[{ reason: 'changed my mind' }], [[1]]])(
  'rejects a cancellation with the body %j, which would be ignored',
  async (extra) => {
    const response = await gateway.send('POST', `/v1/orders/${orderId}/cancellations`, extra, { token: alice });
    expect(response.status).toBe(400);
    await problemOf(response);
  },
);

it('returns both totals when the total of the order has changed', async () => {
  const totals = {
    expectedTotal: { amountMinor: 2_500, currency: 'EUR' },
    total: { amountMinor: 198_000, currency: 'EUR' },
  };
  const refusal = { status: 409, code: 'orders.total-changed', title: 'Total changed', detail: 'It costs more.' };
  gateway.state.failure = new DomainError({ ...refusal, totals });
  const response = await place(
    { 'idempotency-key': 'other-total-1' },
    { ...body, expectedTotal: totals.expectedTotal },
  );
  expect(response.status).toBe(409);
  expect(await problemOf(response)).toMatchObject({ code: 'orders.total-changed', ...totals });
});

describe('when orders does not respond', () => {
  it('answers 504 at the deadline', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    gateway.state.hold = promise;
    const started = performance.now();
    const response = await gateway.request(`/v1/orders/${orderId}`, { token: alice });
    const tookMs = performance.now() - started;
    resolve(undefined);
    expect(response.status).toBe(504);
    expect((await problemOf(response)).code).toBe('deadline-exceeded');
    expect(tookMs).toBeLessThan(DEADLINE_MS + 500 * LENIENCY);
  });

  it('answers 503 with Retry-After when no instance is available', async () => {
    await gateway.stubs.cancelOrder.stop();
    const response = await gateway.request(`/v1/orders/${orderId}/cancellations`, { method: 'POST', token: alice });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    await problemOf(response);
  });
});
