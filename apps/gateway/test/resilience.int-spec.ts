import { ServiceUnavailable } from '@rookery/platform';
import { eventually, LENIENCY } from '@rookery/testing';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { orderId, productId, unknownId } from './neighbours';
import { problemOf } from './problem';

/** Enough for 200 requests to be in flight at once on a busy machine. */
const DEADLINE_MS = 4_000;

let gateway: GatewayUnderTest;
let alice: string;

beforeAll(async () => {
  gateway = await startGateway({
    REQUEST_TIMEOUT_MS: String(DEADLINE_MS),
    // The layers around the calls have their own specs.
    LOAD_SHEDDING: 'off',
    PRODUCT_CACHE_SECONDS: '0',
    PRODUCT_STALE_SECONDS: '0',
  });
  alice = await gateway.issuer.token({ subject: 'alice', scopes: ['orders:write', 'orders:read', 'catalog:write'] });
});
afterAll(() => gateway.close());
beforeEach(async () => {
  gateway.state.failure = undefined;
  gateway.state.hold = Promise.resolve();
  await eventually(async () => {
    expect((await readOrder()).status).toBe(200);
    expect((await gateway.request(`/v1/products/${productId}`)).status).toBe(200);
  });
});

const readOrder = (id = orderId) => gateway.request(`/v1/orders/${id}`, { token: alice });
const readProduct = () => gateway.request(`/v1/products/${productId}`);
const place = () =>
  gateway.send(
    'POST',
    '/v1/orders',
    { lines: [{ productId, quantity: 2 }], paymentToken: 'tok_ok' },
    { token: alice, headers: { 'idempotency-key': 'an-order-key' } },
  );

/** The window of a breaker. */
const WINDOW_MS = 2_000;

/** The statuses of many responses, over longer than the breaker's window. */
async function often(request: () => Promise<Response>, forMs = 1.5 * WINDOW_MS): Promise<ReadonlySet<number>> {
  const statuses = new Set<number>();
  const until = performance.now() + forMs;
  do {
    const answers = await Promise.all(Array.from({ length: 30 }, request));
    for (const answer of answers) {
      statuses.add(answer.status);
      await answer.arrayBuffer();
    }
  } while (performance.now() < until);
  return statuses;
}

it('rejects calls of a repeatedly failing service immediately, with Retry-After, and calls it again when it is back', async () => {
  gateway.state.failure = new ServiceUnavailable();
  expect(await often(readOrder, 0)).toEqual(new Set([503]));

  const asked = gateway.stubs.getOrder.requests.length;
  const response = await readOrder();
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await problemOf(response)).toMatchObject({
    code: 'dependency.circuit-open',
    dependency: 'orders',
    retryAfterSeconds: 1,
  });
  expect(gateway.stubs.getOrder.requests).toHaveLength(asked);
  expect((await gateway.request('/v1/products')).status).toBe(200);
  expect(await (await gateway.request('/metrics')).text()).toContain('dependency_breaker_state{dependency="orders"} 2');

  gateway.state.failure = undefined;
  await eventually(async () => expect((await readOrder()).status).toBe(200));
});

it('continues to call a service that rejects requests', async () => {
  expect(await often(() => readOrder(unknownId))).toEqual(new Set([404]));
  expect((await readOrder()).status).toBe(200);
});

it('continues to read orders while products is down and none can be placed', async () => {
  gateway.state.failure = new ServiceUnavailable(undefined, 1, { dependency: 'products' });
  expect(await often(place)).toEqual(new Set([503]));
  gateway.state.failure = undefined;
  expect((await readOrder()).status).toBe(200);
});

it('limits the concurrent calls of a service, and counts the rejected ones', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  gateway.state.hold = promise;
  const waiting = Array.from({ length: 200 }, () => readOrder());
  try {
    const first = await Promise.race(waiting);
    expect(first.status).toBe(503);
    expect(first.headers.get('retry-after')).toBe('1');
    expect(await problemOf(first)).toMatchObject({ code: 'dependency.too-many-calls', dependency: 'orders' });
    // Another kind of request still gets a slot.
    expect((await gateway.request('/v1/orders', { token: alice })).status).toBe(200);
  } finally {
    resolve(undefined);
    await Promise.all(waiting);
  }
});

it('answers 504 soon after the deadline, for every route', async () => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  gateway.state.hold = promise;
  const timed = async (request: () => Promise<Response>) => {
    const started = performance.now();
    const response = await request();
    return { response, tookMs: performance.now() - started };
  };
  const answers = await Promise.all(
    [
      () => readOrder(),
      () => gateway.request(`/v1/orders/${orderId}/timeline`, { token: alice }),
      () => gateway.request(`/v1/orders/${orderId}/cancellations`, { method: 'POST', token: alice }),
      readProduct,
      place,
    ].map(timed),
  );
  resolve(undefined);
  for (const { response, tookMs } of answers) {
    expect(response.status).toBe(504);
    expect((await problemOf(response)).code).toBe('deadline-exceeded');
    expect(tookMs).toBeLessThan(DEADLINE_MS + 500 * LENIENCY);
  }
});

it('exposes the state of each dependency, including the OpenID Provider', async () => {
  const metrics = await (await gateway.request('/metrics')).text();
  for (const dependency of ['orders', 'products', 'oidc-provider']) {
    expect(metrics).toContain(`dependency_breaker_state{dependency="${dependency}"} 0`);
  }
});
