import { randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { eventually } from '@rookery/testing';
import { namedRoutes } from '../src/load-shedding/route-class';
import { EventStreamReader } from './event-stream';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { orderId, productId } from './neighbours';
import { problemOf } from './problem';

/** Ten requests in flight, eight of which may be reads. */
const LIMIT = 10;
const READS = 8;

describe('an overloaded gateway', () => {
  let gateway: GatewayUnderTest;
  let token: string;
  let release: () => void;
  let inHand: Promise<Response>[];

  beforeEach(async () => {
    gateway = await startGateway({
      LOAD_SHEDDING_MIN_IN_FLIGHT: String(LIMIT),
      LOAD_SHEDDING_MAX_IN_FLIGHT: String(LIMIT),
      LOAD_SHEDDING_EVENT_LOOP_DELAY_MS: '10000',
      REQUEST_TIMEOUT_MS: '60000',
    });
    token = await gateway.issuer.token({ scopes: ['orders:read', 'orders:write'] });
    release = () => undefined;
    inHand = [];
  });
  afterEach(async () => {
    release();
    await Promise.allSettled(inHand);
    await gateway.close();
  });

  const metric = async (name: string): Promise<number> => {
    const text = await (await gateway.request('/metrics')).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    );
  };
  const read = () => gateway.request(`/v1/orders/${orderId}`, { token });
  const place = () =>
    gateway.send(
      'POST',
      '/v1/orders',
      { lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' },
      { token, headers: { 'idempotency-key': randomUUID() } },
    );
  /** Fills the limit of reads, whose service hangs. */
  const stall = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    release = () => resolve(undefined);
    gateway.state.hold = promise;
    const asked = gateway.stubs.getOrder.requests.length;
    inHand = Array.from({ length: READS }, read);
    await eventually(() => expect(gateway.stubs.getOrder.requests).toHaveLength(asked + READS));
    // Later requests are answered immediately.
    gateway.state.hold = Promise.resolve();
  };

  it('answers reads with 503 and Retry-After, still places orders, and stays healthy for its probes', async () => {
    await stall();
    const refused = await read();
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^[1-3]$/);
    expect((await problemOf(refused)).code).toBe('gateway.overloaded');
    expect((await gateway.request(`/v1/products/${productId}`)).status).toBe(503);
    expect((await place()).status).toBe(201);
    for (const path of ['/livez', '/readyz', '/health', '/metrics']) {
      expect((await gateway.request(path)).status).toBe(200);
    }
    for (const path of ['/openapi.json', '/docs/swagger-ui-init.js']) {
      expect((await gateway.request(path)).status).toBe(503);
    }
    expect(gateway.stubs.getOrder.requests).toHaveLength(READS);
  });

  it('sheds before it checks token and body', async () => {
    await stall();
    expect((await gateway.request(`/v1/orders/${orderId}`, { token: 'forged' })).status).toBe(503);
  });

  it('exposes the limit, the requests in flight and the shed ones', async () => {
    await stall();
    await read();
    await read();
    expect(await metric('load_shedding_limit')).toBe(LIMIT);
    expect(await metric('load_shedding_in_flight')).toBe(READS);
    expect(await metric('load_shedding_shed_total{priority="low",reason="limit"}')).toBe(2);
    expect(await metric('load_shedding_shed_total{priority="high",reason="limit"}')).toBe(0);
    expect(await metric('load_shedding_event_loop_delay_seconds')).toBeGreaterThanOrEqual(0);
  });

  it('admits again when slots are free, including those of clients that left', async () => {
    await stall();
    expect((await read()).status).toBe(503);
    release();
    expect((await Promise.all(inHand)).map(({ status }) => status)).toEqual(Array<number>(READS).fill(200));
    await eventually(async () => expect(await metric('load_shedding_in_flight')).toBe(0));

    const leaving = new AbortController();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    release = () => resolve(undefined);
    gateway.state.hold = promise;
    const gone = gateway
      .request(`/v1/orders/${orderId}`, { token, signal: leaving.signal })
      .catch((error: unknown) => error);
    await eventually(async () => expect(await metric('load_shedding_in_flight')).toBe(1));
    leaving.abort();
    expect(await gone).toMatchObject({ name: 'AbortError' });
    await eventually(async () => expect(await metric('load_shedding_in_flight')).toBe(0));
  });

  it('does not count live streams, and opens none under overload', async () => {
    const leaving = new AbortController();
    const follow = () =>
      gateway.request(`/v1/orders/${orderId}/events`, {
        token,
        headers: { accept: 'text/event-stream' },
        signal: leaving.signal,
      });
    const streams = await Promise.all(Array.from({ length: LIMIT + 2 }, follow));
    const readers = streams.map((stream) => new EventStreamReader(stream));
    await eventually(() => expect(readers.every(({ events }) => events.length > 0)).toBe(true));
    expect(await metric('load_shedding_in_flight')).toBe(0);
    expect((await read()).status).toBe(200);
    await stall();
    expect((await follow()).status).toBe(503);
    leaving.abort();
    await Promise.allSettled(readers.map(({ ended }) => ended));
  });

  it('counts only complete requests: slow clients hold no slots', async () => {
    const { hostname, port } = new URL(gateway.url);
    const head = 'POST /v1/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{';
    const slow = Array.from({ length: LIMIT }, () => connect({ host: hostname, port: Number(port) }));
    try {
      await Promise.all(slow.map((socket) => sent(socket, head)));
      expect((await read()).status).toBe(200);
      expect((await place()).status).toBe(201);
      expect(await metric('load_shedding_in_flight')).toBe(0);
    } finally {
      for (const socket of slow) {
        socket.destroy();
      }
    }
  });

  it('has a class for each existing route that it names', () => {
    const routes = new Set<string>();
    for (const route of namedRoutes) {
      const [method = '', url = ''] = route.split(' ');
      if (gateway.app.getHttpAdapter().getInstance().hasRoute({ method, url })) {
        routes.add(route);
      }
    }
    expect([...routes]).toEqual([...namedRoutes]);
  });
});

/** Resolves when the server has received these bytes, because it reads them before it answers a later request. */
const sent = (socket: Socket, text: string): Promise<void> =>
  new Promise((resolve, reject) => socket.once('error', reject).write(text, () => resolve()));

it('admits everything when load shedding is off', async () => {
  const gateway = await startGateway({
    LOAD_SHEDDING: 'off',
    LOAD_SHEDDING_MIN_IN_FLIGHT: '1',
    LOAD_SHEDDING_MAX_IN_FLIGHT: '1',
  });
  try {
    const answers = await Promise.all(Array.from({ length: 5 }, () => gateway.request('/v1/products')));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  } finally {
    await gateway.close();
  }
});

it('sheds reads while its event loop is late', async () => {
  const gateway = await startGateway({ LOAD_SHEDDING_EVENT_LOOP_DELAY_MS: '1' });
  let busy = true;
  const block = (): void => {
    const until = performance.now() + 30;
    while (performance.now() < until) {}
    if (busy) {
      setImmediate(block);
    }
  };
  try {
    block();
    await eventually(async () => {
      const answer = await gateway.request('/v1/products');
      expect(answer.status).toBe(503);
      expect((await problemOf(answer)).code).toBe('gateway.overloaded');
    });
    expect((await gateway.request('/livez')).status).toBe(200);
  } finally {
    busy = false;
    await gateway.close();
  }
});
