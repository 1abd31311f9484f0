import { DeadLetterPage, DeadLetterRpc } from '@rookery/contracts';
import { ServiceUnavailable } from '@rookery/platform';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { deadLetterId } from './neighbours';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
let token: string;

beforeAll(async () => {
  gateway = await startGateway();
  token = await gateway.issuer.token({ scopes: ['ops:read', 'ops:write'], roles: ['operator'] });
});
afterAll(() => gateway.close());

async function list(query: string): Promise<{ readonly ids: readonly string[]; readonly nextCursor: string | null }> {
  const response = await gateway.request(`/v1/ops/dead-letters${query}`, { token });
  expect(response.status).toBe(200);
  const { items, nextCursor } = DeadLetterPage.parse(await response.json());
  return { ids: items.map(({ id }) => id), nextCursor };
}

it('lists the dead letters of all services, or of one', async () => {
  expect(await list('')).toEqual({ ids: ['orders-17', 'payments-2', 'payments-5'], nextCursor: null });
  expect(await list('?consumer=payments')).toEqual({ ids: ['payments-2', 'payments-5'], nextCursor: null });
  expect(await list('?consumer=products')).toEqual({ ids: [], nextCursor: null });
});

it('pages through them without a gap or a repetition', async () => {
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: Awaited<ReturnType<typeof list>> = await list(`?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`);
    ids.push(...page.ids);
    cursor = page.nextCursor;
  }
  expect(ids).toEqual(['orders-17', 'payments-2', 'payments-5']);
});

it('rejects a foreign cursor, and one for another filter', async () => {
  const { nextCursor } = await list('?limit=1');
  const made = Buffer.from('orders-17').toString('base64url');
  for (const query of ['?cursor=orders-17', `?cursor=${made}`, `?consumer=orders&cursor=${nextCursor ?? ''}`]) {
    const response = await gateway.request(`/v1/ops/dead-letters${query}`, { token });
    expect(response.status).toBe(400);
    expect((await problemOf(response)).code).toBe('dead-letters.invalid-cursor');
  }
});

it.each(['?limit=0', '?limit=101', '?cursor=nonsense', '?consumer=gateway', '?consumer=payments&cursor=orders-17'])(
  'refuses %s',
  async (query) => {
    const response = await gateway.request(`/v1/ops/dead-letters${query}`, { token });
    expect(response.status).toBe(400);
    await problemOf(response);
  },
);

it.each(['orders', 'orders-0', 'gateway-1', 'orders-1e9', 'orders-9999999999999999', "orders-1'--"])(
  'rejects the id %s before any service is called',
  async (id) => {
    const asked = gateway.stubs.replayDeadLetter.requests.length;
    const path = `/v1/ops/dead-letters/${encodeURIComponent(id)}/replays`;
    expect((await gateway.request(path, { method: 'POST', token })).status).toBe(400);
    expect(gateway.stubs.replayDeadLetter.requests).toHaveLength(asked);
  },
);

it('answers 404 for an unknown dead letter', async () => {
  const response = await gateway.request('/v1/ops/dead-letters/orders-18', { token });
  expect(response.status).toBe(404);
});

it('rejects a replay or discard with a read-only scope', async () => {
  const reader = await gateway.issuer.token({ scopes: [...DeadLetterRpc.orders.list.scopes] });
  const path = `/v1/ops/dead-letters/${deadLetterId}`;
  expect((await gateway.request(path, { token: reader })).status).toBe(200);
  expect((await gateway.request(`${path}/replays`, { method: 'POST', token: reader })).status).toBe(403);
  expect((await gateway.request(path, { method: 'DELETE', token: reader })).status).toBe(403);
});

it('answers 503 instead of an incomplete list when a service is unavailable', async () => {
  gateway.state.hold = Promise.reject(new ServiceUnavailable());
  const response = await gateway.request('/v1/ops/dead-letters', { token });
  gateway.state.hold = Promise.resolve();
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).not.toBeNull();
});
