import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { order, orderId, product, productId, unknownId } from './neighbours';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
let operator: string;
let customer: string;

beforeAll(async () => {
  gateway = await startGateway();
  operator = await gateway.issuer.token({ scopes: ['catalog:write'] });
  customer = await gateway.issuer.token({ scopes: ['orders:read', 'orders:write'] });
});
afterAll(() => gateway.close());

const path = `/v1/products/${productId}`;
const read = (ifNoneMatch: string) => gateway.request(path, { headers: { 'if-none-match': ifNoneMatch } });
const change = (headers: Record<string, string>) =>
  gateway.send('PATCH', path, { name: 'Larger nest' }, { token: operator, headers });

describe('reading a product', () => {
  it('answers with a strong ETag of version and stock that any cache may store for seconds', async () => {
    const response = await gateway.request(path);
    expect(await response.json()).toEqual(product);
    expect(response.headers.get('etag')).toBe('"3.40"');
    expect(response.headers.get('cache-control')).toMatch(
      /^public, max-age=\d+, stale-while-revalidate=\d+, stale-if-error=\d+$/,
    );
  });

  it.each([['"3.40"'], ['W/"3.40"'], ['"1.1", "3.40"'], ['*']])(
    'answers 304 without a body to If-None-Match: %s',
    async (tags) => {
      const response = await read(tags);
      expect(response.status).toBe(304);
      expect(await response.text()).toBe('');
      expect(response.headers.get('etag')).toBe('"3.40"');
      expect(response.headers.has('cache-control')).toBe(true);
    },
  );

  it.each([['"3.41"'], ['"2.40", W/"1.40"']])('answers the product to If-None-Match: %s', async (tags) => {
    expect((await read(tags)).status).toBe(200);
  });

  it('rejects a malformed If-None-Match', async () => {
    const response = await read('3.40');
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors?.map(({ pointer }) => pointer)).toEqual(['#/header/If-None-Match']);
  });

  it('forbids caching of the problem about an unknown product', async () => {
    const response = await gateway.request(`/v1/products/${unknownId}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.has('etag')).toBe(false);
    expect(await problemOf(response)).toMatchObject({ code: 'test.not-found', instance: `/v1/products/${unknownId}` });
  });
});

describe('changing a product', () => {
  it.each([
    ['"3.40"', [3]],
    ['"3"', [3]],
    ['*', null],
    ['"3.40", "4.40"', [3, 4]],
    ['W/"3.40"', []],
  ])('forwards the versions that If-Match: %s expects', async (ifMatch, versions) => {
    const response = await change({ 'if-match': ifMatch });
    expect(response.status).toBe(200);
    expect(response.headers.get('etag')).toBe('"4.40"');
    expect(gateway.stubs.changeProduct.requests.at(-1)).toMatchObject({ id: productId, ifMatch: versions });
  });

  it('answers 428 without If-Match and asks no service', async () => {
    const asked = gateway.stubs.changeProduct.requests.length;
    const response = await change({});
    expect(response.status).toBe(428);
    expect((await problemOf(response)).code).toBe('gateway.precondition-required');
    expect(gateway.stubs.changeProduct.requests).toHaveLength(asked);
  });

  it('answers 400 to a malformed If-Match', async () => {
    const response = await change({ 'if-match': '3' });
    expect(response.status).toBe(400);
    await problemOf(response);
  });

  it('archives with If-Match only, and answers without a body', async () => {
    expect((await gateway.request(path, { method: 'DELETE', token: operator })).status).toBe(428);
    const response = await gateway.request(path, { method: 'DELETE', token: operator, headers: { 'if-match': '"3"' } });
    expect(response.status).toBe(204);
    expect(await response.text()).toBe('');
    expect(gateway.stubs.archiveProduct.requests.at(-1)).toEqual({ id: productId, ifMatch: [3] });
  });
});

it('names the location of a new product', async () => {
  const body = { sku: 'NEST-1', name: 'Nest', price: { amountMinor: 1250, currency: 'EUR' } };
  const response = await gateway.send('POST', '/v1/products', body, { token: operator });
  expect(response.status).toBe(201);
  expect(response.headers.get('location')).toBe(path);
  expect(response.headers.get('etag')).toBe('"3.40"');
});

it('keeps an order private and answers 304 while it has not changed', async () => {
  const response = await gateway.request(`/v1/orders/${orderId}`, { token: customer });
  expect(await response.json()).toEqual(order);
  expect(response.headers.get('etag')).toBe('"1"');
  expect(response.headers.get('cache-control')).toBe('private, no-cache');
  const again = await gateway.request(`/v1/orders/${orderId}`, {
    token: customer,
    headers: { 'if-none-match': '"1"' },
  });
  expect(again.status).toBe(304);
});
