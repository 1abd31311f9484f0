import { rawRequest } from '@rookery/testing';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
afterEach(() => gateway.close());

const register = (name: string, headers: Record<string, string> = {}) =>
  gateway.send(
    'POST',
    '/v1/accounts',
    { email: `${name}@example.com`, password: 'correct horse battery', name },
    { headers },
  );

it('answers 429 beyond a subject’s limit and does not affect other subjects', async () => {
  gateway = await startGateway({ RATE_LIMIT_PER_MINUTE: '3' });
  const [alice, bob] = [
    await gateway.issuer.token({ subject: 'alice' }),
    await gateway.issuer.token({ subject: 'bob' }),
  ];
  const answers = [];
  for (let index = 0; index < 4; index += 1) {
    answers.push(await gateway.request('/v1/me', { token: alice }));
  }
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
  expect(answers.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['2', '1', '0', '0']);
  expect(answers.map(({ headers }) => headers.get('ratelimit-limit'))).toEqual(['3', '3', '3', '3']);
  const [, , , refused] = answers;
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(Number(refused?.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(60);
  if (refused !== undefined) {
    expect((await problemOf(refused)).code).toBe('gateway.too-many-requests');
  }
  expect((await gateway.request('/v1/me', { token: bob })).status).toBe(200);
});

it('cannot be bypassed by changing X-Forwarded-For', async () => {
  gateway = await startGateway({ REGISTRATION_LIMIT_PER_HOUR: '2' });
  const answers = [];
  for (let index = 0; index < 4; index += 1) {
    answers.push(await register(`user${index}`, { 'x-forwarded-for': `203.0.113.${index}` }));
  }
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 429, 429]);
  expect(gateway.stubs.register.requests).toHaveLength(2);
});

it('cannot be bypassed by another spelling of the URL', async () => {
  gateway = await startGateway({ RATE_LIMIT_PER_MINUTE: '1' });
  expect((await gateway.request('/v1/products')).status).toBe(200);
  for (const target of ['/%76%31/products', '/v%31/products', `${gateway.url}/v1/products`]) {
    const head = `GET ${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`;
    expect([target, (await rawRequest(gateway.url, head)).status]).toEqual([target, 429]);
  }
});

it('counts clients behind a trusted proxy by their own address', async () => {
  gateway = await startGateway({ REGISTRATION_LIMIT_PER_HOUR: '1', TRUST_PROXY: '127.0.0.0/8' });
  const statusOf = async (address: string) => (await register('carol', { 'x-forwarded-for': address })).status;
  expect(await statusOf('203.0.113.1')).toBe(201);
  expect(await statusOf('203.0.113.1')).toBe(429);
  expect(await statusOf('203.0.113.2')).toBe(201);
});

describe('an address', () => {
  /** Ten times the limit of one subject. */
  const LIMIT = 10;
  it.each([
    { what: 'that leads nowhere', path: '/nothing', init: {} },
    { what: 'that leads nowhere under /v1', path: '/v1/nothing', init: {} },
    { what: 'with a method that it does not know', path: '/v1/products', init: { method: 'PUT' } },
    { what: 'with a body that is never parsed', path: '/v1/orders', init: { method: 'POST', body: '<a/>' } },
    { what: 'of a file that is not there', path: '/docs/nothing.js', init: {} },
    { what: 'of a document', path: '/asyncapi.json', init: {} },
    { what: 'with a bad token', path: '/v1/me', init: { headers: { authorization: 'Bearer nonsense' } } },
  ])('$what is counted for every caller', async ({ path, init }) => {
    gateway = await startGateway({ RATE_LIMIT_PER_MINUTE: String(LIMIT / 10) });
    const statusOf = async (where: string, how: RequestInit = {}): Promise<number> => {
      const response = await gateway.request(where, how);
      await response.arrayBuffer();
      return response.status;
    };
    const answers = [];
    for (let index = 0; index < LIMIT; index += 1) {
      answers.push(await statusOf(path, init));
    }
    expect(answers).not.toContain(429);
    const refused = await gateway.request(path, init);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit-limit')).toBe(String(LIMIT));
    expect(refused.headers.get('ratelimit-remaining')).toBe('0');
    expect((await problemOf(refused)).code).toBe('gateway.too-many-requests');
    // One budget for all paths; probes have none.
    expect([await statusOf('/v1/products'), await statusOf('/readyz')]).toEqual([429, 200]);
  });
});

it('lets a browser application of another origin read the rejection', async () => {
  const origin = 'https://shop.example';
  gateway = await startGateway({ RATE_LIMIT_PER_MINUTE: '1', CORS_ORIGINS: origin });
  const ask = async () => {
    const response = await gateway.request('/v1/nothing', { headers: { origin } });
    await response.arrayBuffer();
    return response;
  };
  for (let index = 0; index < 10; index += 1) {
    await ask();
  }
  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(refused.headers.get('access-control-allow-origin')).toBe(origin);
});

it('never limits a probe', async () => {
  gateway = await startGateway({ RATE_LIMIT_PER_MINUTE: '1' });
  for (const path of ['/livez', '/readyz', '/health', '/metrics']) {
    for (let index = 0; index < 15; index += 1) {
      expect((await gateway.request(path)).status).toBe(200);
    }
  }
});
