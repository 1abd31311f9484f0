import { decodeJwt } from 'jose';
import { orderNotificationSubject, TimelineEntry } from '@rookery/contracts';
import type { Nats } from '@rookery/messaging';
import { Readiness, ServiceUnavailable } from '@rookery/platform';
import { eventually } from '@rookery/testing';
import { EventStreamReader } from './event-stream';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { orderId, step, unknownId } from './neighbours';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
let orders: Nats;
let alice: string;

beforeAll(async () => {
  gateway = await startGateway({ STREAM_HEARTBEAT_SECONDS: '1', STREAMS_PER_SUBJECT: '2' });
  orders = await gateway.broker.connect('orders');
  alice = await gateway.issuer.token({ subject: 'alice', scopes: ['orders:read'] });
});
afterAll(() => gateway.close());

const leaving: AbortController[] = [];
beforeEach(() => {
  gateway.state.status = 'Pending';
  gateway.state.timeline = [step(1, 'OrderCreated')];
  gateway.state.failure = undefined;
});
afterEach(() => leaving.splice(0).forEach((client) => client.abort()));

const follow = async (headers: Record<string, string> = {}, id = orderId, token = alice): Promise<Response> => {
  const client = new AbortController();
  leaving.push(client);
  return gateway.request(`/v1/orders/${id}/events`, {
    token,
    signal: client.signal,
    headers: { accept: 'text/event-stream', ...headers },
  });
};
const reading = (response: Response): EventStreamReader => {
  const reader = new EventStreamReader(response);
  // In the specs, clients leave early.
  reader.ended.catch(() => undefined);
  return reader;
};
const happens = (...events: string[]): void => {
  for (const event of events) {
    gateway.state.timeline.push(step(gateway.state.timeline.length + 1, event));
  }
  orders.connection.publish(orderNotificationSubject(orderId));
};

it('sends past steps, then each step in real time, and ends after the terminal state', async () => {
  const response = await follow();
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  expect(response.headers.get('cache-control')).toContain('no-store');
  expect(response.headers.get('x-accel-buffering')).toBe('no');
  expect(response.headers.has('x-correlation-id')).toBe(true);

  const reader = reading(response);
  await eventually(() => expect(reader.events).toHaveLength(1));
  happens('PaymentReserved');
  await eventually(() => expect(reader.events).toHaveLength(2));
  gateway.state.status = 'Confirmed';
  happens('StockReserved', 'OrderConfirmed');
  await reader.ended;

  expect(reader.events.map(({ id, event }) => [id, event])).toEqual([
    ['1', 'OrderCreated'],
    ['2', 'PaymentReserved'],
    ['3', 'StockReserved'],
    ['4', 'OrderConfirmed'],
    ['4', 'end'],
  ]);
  expect(JSON.parse(reader.events[1]?.data ?? '')).toEqual(step(2, 'PaymentReserved'));
  expect(JSON.parse(reader.events[4]?.data ?? '')).toEqual({ status: 'Confirmed' });
  expect(reader.parts.some((part) => part.retry !== undefined)).toBe(true);
});

it('resumes after Last-Event-ID', async () => {
  gateway.state.timeline = ['OrderCreated', 'PaymentFailed', 'OrderCanceled'].map((event, index) =>
    step(index + 1, event),
  );
  gateway.state.status = 'Canceled';
  const reader = reading(await follow({ 'last-event-id': '1' }));
  await reader.ended;
  expect(reader.events.map(({ event }) => event)).toEqual(['PaymentFailed', 'OrderCanceled', 'end']);
});

it('sends a heartbeat, and finds steps without a notification', async () => {
  const reader = reading(await follow());
  await eventually(() => expect(reader.events).toHaveLength(1));
  // The change notification is lost.
  gateway.state.timeline.push(step(2, 'PaymentReserved'));
  await eventually(() => expect(reader.events.map(({ event }) => event)).toContain('PaymentReserved'));
  expect(reader.comments).toContain('heartbeat');
});

it('keeps the stream while orders is unavailable', async () => {
  const reader = reading(await follow());
  await eventually(() => expect(reader.events).toHaveLength(1));
  gateway.state.failure = new ServiceUnavailable();
  const asked = gateway.stubs.timeline.requests.length;
  happens('PaymentReserved');
  await eventually(() => expect(gateway.stubs.timeline.requests.length).toBeGreaterThan(asked));
  gateway.state.failure = undefined;
  await eventually(() => expect(reader.events).toHaveLength(2));
});

it.each([['abc'], ['-1'], ['1.5'], ['9'.repeat(20)], ['1 2']])(
  'rejects Last-Event-ID %s before the stream starts',
  async (id) => {
    const response = await follow({ 'last-event-id': id });
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors?.[0]?.pointer).toBe('#/header/Last-Event-ID');
  },
);

it('answers problems as problems: unknown order, no token, wrong scope, wrong media type', async () => {
  const answers = [
    await follow({}, unknownId),
    await gateway.request(`/v1/orders/${orderId}/events`),
    await follow({}, orderId, await gateway.issuer.token({ scopes: ['orders:write'] })),
    await follow({ accept: 'image/png' }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([404, 401, 403, 406]);
  for (const response of answers) {
    await problemOf(response);
  }
});

it('rejects a stream beyond a subject’s limit, until another one ends', async () => {
  const subject = await gateway.issuer.token({ subject: 'bob', scopes: ['orders:read'] });
  const open = [await follow({}, orderId, subject), await follow({}, orderId, subject)];
  expect(open.map(({ status }) => status)).toEqual([200, 200]);
  const refused = await follow({}, orderId, subject);
  expect(refused.status).toBe(429);
  expect(refused.headers.has('retry-after')).toBe(true);
  await problemOf(refused);
  expect((await follow()).status).toBe(200);
  leaving.at(0)?.abort();
  await eventually(async () => expect((await follow({}, orderId, subject)).status).toBe(200));
});

describe('a stream whose token expires', () => {
  const SECONDS = 3;
  const shortLived = (subject: string) =>
    gateway.issuer.token({ subject, scopes: ['orders:read'], expiresIn: SECONDS });
  const endOf = (token: string): number => decodeJwt(token).exp ?? NaN;
  /** Well below the two minutes for which such streams once continued. */
  const endsSoon = async (reader: EventStreamReader): Promise<void> => {
    let ended = false;
    reader.ended.then(
      () => (ended = true),
      () => undefined,
    );
    await eventually(() => expect(ended).toBe(true), { timeoutMs: (SECONDS + 3) * 1_000 });
  };

  it('ends at the expiry, and with a new token and Last-Event-ID the client receives each step once', async () => {
    const before = reading(await follow({}, orderId, await shortLived('dora')));
    await eventually(() => expect(before.events).toHaveLength(1));
    happens('PaymentReserved');
    await endsSoon(before);
    // There are no listeners.
    happens('StockReserved');
    const position = before.events.at(-1)?.id ?? '';
    const after = reading(await follow({ 'last-event-id': position }, orderId, await shortLived('dora')));
    await eventually(() => expect(after.events).toHaveLength(1));
    gateway.state.status = 'Confirmed';
    happens('OrderConfirmed');
    await endsSoon(after);
    expect([...before.events, ...after.events].map(({ id, event }) => [id, event])).toEqual([
      ['1', 'OrderCreated'],
      ['2', 'PaymentReserved'],
      ['3', 'StockReserved'],
      ['4', 'OrderConfirmed'],
      ['4', 'end'],
    ]);
  });

  it('sends no steps after the expiry', async () => {
    const token = await shortLived('emil');
    const reader = reading(await follow({}, orderId, token));
    let ended = false;
    reader.ended.then(
      () => (ended = true),
      () => undefined,
    );
    await eventually(
      () => {
        const now = { ...step(gateway.state.timeline.length + 1, 'PaymentReserved'), at: new Date().toISOString() };
        gateway.state.timeline.push(now);
        orders.connection.publish(orderNotificationSubject(orderId));
        expect(ended).toBe(true);
      },
      { timeoutMs: (SECONDS + 3) * 1_000, intervalMs: 20 },
    );
    const [last] = gateway.state.timeline.slice(-1);
    expect(Date.parse(last?.at ?? '')).toBeGreaterThan(endOf(token) * 1_000 - 1_000);
    const told = reader.events.map(({ data }) => TimelineEntry.parse(JSON.parse(data ?? '')));
    expect(told.length).toBeGreaterThan(10);
    expect(told.filter(({ at }) => Date.parse(at) > endOf(token) * 1_000)).toEqual([]);
  });

  it('is not opened with an expired token, although a plain read has a tolerance for clock differences', async () => {
    const token = await gateway.issuer.token({ subject: 'fritz', scopes: ['orders:read'], expiresIn: -2 });
    expect((await gateway.request(`/v1/orders/${orderId}`, { token })).status).toBe(200);
    const response = await follow({}, orderId, token);
    expect(response.status).toBe(401);
    expect((await problemOf(response)).code).toBe('auth.invalid-token');
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });
});

it('ends its streams when the process starts to drain', async () => {
  const reader = reading(await follow());
  await eventually(() => expect(reader.events).toHaveLength(1));
  gateway.app.get(Readiness).drain();
  await reader.ended;
  expect(reader.events.map(({ event }) => event)).toEqual(['OrderCreated']);
});
