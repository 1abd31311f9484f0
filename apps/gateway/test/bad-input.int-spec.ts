import { randomUUID } from 'node:crypto';
import { Scopes } from '@rookery/contracts';
import { OpenApi, rawRequest, routesOf } from '@rookery/testing';
import { committedDocuments } from '../src/documents';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { orderId, productId } from './neighbours';
import { problemOf } from './problem';
import { sampleRequests } from './sample-requests';

const documented = routesOf(OpenApi.parse((await committedDocuments()).openapi));

let gateway: GatewayUnderTest;
let token: string;

beforeAll(async () => {
  gateway = await startGateway();
  token = await gateway.issuer.token({ scopes: Object.keys(Scopes) });
});
afterAll(() => gateway.close());

const order = { lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' };
const withLine = (line: unknown) => ({ ...order, lines: [line] });
const headers = { 'idempotency-key': 'bad-input-key' };

/** Sends a body unchanged; the response must be a problem with this status, and no service may have been called. */
async function expectRefused(status: number, path: string, init: RequestInit): Promise<void> {
  const asked = gateway.stubs.placeOrder.requests.length;
  const response = await gateway.request(path, { ...init, token });
  expect(response.status).toBe(status);
  await problemOf(response);
  expect(gateway.stubs.placeOrder.requests).toHaveLength(asked);
}
const placing = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): RequestInit => ({
  method: 'POST',
  headers: { ...headers, 'content-type': type },
  body,
});

describe('an order', () => {
  it.each([['-1'], ['0'], ['1.5'], ['1e309'], ['"2"'], ['9007199254740993'], ['null'], ['true'], ['10001']])(
    'is rejected with quantity %s',
    async (quantity) => {
      await expectRefused(
        400,
        '/v1/orders',
        placing(`{"lines":[{"productId":"${productId}","quantity":${quantity}}],"paymentToken":"tok_ok"}`),
      );
    },
  );

  it.each([
    ['status', 'Confirmed'],
    ['price', 1],
    ['customerId', 'bob'],
    ['total', { amountMinor: 1, currency: 'EUR' }],
  ])('is rejected with %s, which the client may not set', async (field, value) => {
    const response = await gateway.send('POST', '/v1/orders', { ...order, [field]: value }, { token, headers });
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors?.map(({ pointer }) => pointer)).toEqual([`/${field}`]);
  });

  it('names each invalid part by its JSON Pointer', async () => {
    const body = withLine({ productId: 'no-id', quantity: -1, unitPrice: 1 });
    const response = await gateway.send('POST', '/v1/orders', body, { token, headers });
    const pointers = (await problemOf(response)).errors?.map(({ pointer }) => pointer);
    expect(pointers?.sort()).toEqual(['/lines/0/productId', '/lines/0/quantity', '/lines/0/unitPrice']);
  });

  it.each([
    ['no JSON', '{'],
    ['empty', ''],
    ['no object', '[]'],
    ['45,000 nested arrays', '['.repeat(45_000) + ']'.repeat(45_000)],
    ['21 nested arrays', `{"lines":${'['.repeat(21)}${']'.repeat(21)}}`],
    ['U+0000', '{"lines":[],"paymentToken":"tok_\\u0000"}'],
    ['a lone surrogate', '{"lines":[],"paymentToken":"\\ud800"}'],
    ['__proto__', '{"__proto__":{"admin":true},"lines":[],"paymentToken":"tok_ok"}'],
    ['an escaped __proto__', '{"\\u005f_proto__":{"admin":true},"lines":[],"paymentToken":"tok_ok"}'],
    ['constructor', '{"constructor":{"prototype":{"admin":true}},"lines":[],"paymentToken":"tok_ok"}'],
  ])('is rejected when the body has or is: %s', async (_what, body) => {
    await expectRefused(400, '/v1/orders', placing(body));
  });

  it('is rejected when the body is not UTF-8', async () => {
    await expectRefused(400, '/v1/orders', placing(Uint8Array.from([0x22, 0xff, 0xfe, 0x22])));
  });

  it('is rejected when the body is 10 MB', async () => {
    await expectRefused(413, '/v1/orders', placing(`"${'x'.repeat(10_000_000)}"`));
  });

  it.each([
    ['text/plain'],
    ['application/xml'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
  ])('is rejected as %s', async (type) => {
    await expectRefused(415, '/v1/orders', placing(JSON.stringify(order), type));
  });

  it('points to the part that cannot be stored, or to the whole body if the part is unknown', async () => {
    const pointerOf = async (body: string) => {
      const problem = await problemOf(await gateway.request('/v1/orders', { ...placing(body), token }));
      return problem.errors?.map(({ pointer }) => pointer);
    };
    expect(await pointerOf('{"lines":[{"productId":"\\u0000"}]}')).toEqual(['/lines/0/productId']);
    expect(await pointerOf('{"a/b~":["\\ud800"]}')).toEqual(['/a~1b~0/0']);
    expect(await pointerOf('{"lines":[{"__proto__":1}]}')).toEqual(['/lines/0/__proto__']);
    expect(await pointerOf('{"lines":[{"\\u0000":1}]}')).toEqual(['/lines/0']);
    expect(await pointerOf('{')).toEqual(['']);
  });

  it('is rejected without a content type', async () => {
    await expectRefused(415, '/v1/orders', { method: 'POST', headers, body: new TextEncoder().encode('{}') });
  });
});

describe('an empty body', () => {
  const changing = documented.filter(({ method }) => ['POST', 'PATCH', 'DELETE'].includes(method));
  const bodiless = changing.filter(({ operation }) => operation.requestBody === undefined);
  const kinds = ['a length of 0', 'no length', 'chunks'] as const;

  /** Like some clients, which send the media type with every request, without a body. */
  const empty = (id: string, kind: (typeof kinds)[number], type: string) => {
    const [route] = documented.filter((one) => one.id === id);
    const sample = sampleRequests[id];
    if (route === undefined || sample === undefined) {
      throw new Error(`no sample for ${id}`);
    }
    const lines = [
      `${route.method} ${sample.path} HTTP/1.1`,
      'host: localhost',
      'connection: close',
      `authorization: Bearer ${token}`,
      ...(route.method === 'POST' ? [`idempotency-key: ${randomUUID()}`] : []),
      ...Object.entries(sample.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
      ...(type === '' ? [] : [`content-type: ${type}`]),
      ...{ 'a length of 0': ['content-length: 0'], 'no length': [], chunks: ['transfer-encoding: chunked'] }[kind],
    ];
    return rawRequest(gateway.url, `${lines.join('\r\n')}\r\n\r\n${kind === 'chunks' ? '0\r\n\r\n' : ''}`);
  };

  it('is tried on every route without a body', () => {
    expect(bodiless.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['Products.archive', 'Orders.cancel', 'DeadLetters.discard', 'DeadLetters.replay']),
    );
  });

  it.each(bodiless.flatMap(({ id }) => kinds.map((kind) => ({ id, kind }))))(
    'counts as no body: $id with $kind',
    async ({ id, kind }) => {
      const json = ['application/json', 'application/json; charset=utf-8'];
      // Chunked encoding announces a body, so its media type is checked first.
      const types = kind === 'chunks' ? json : [...json, 'text/plain', ''];
      const answers = await Promise.all(types.map(async (type) => (await empty(id, kind, type)).status));
      expect(answers).toEqual(types.map(() => sampleRequests[id]?.status));
    },
  );

  it.each(changing.filter((route) => !bodiless.includes(route)).map(({ id }) => ({ id })))(
    'is rejected on a route with a body: $id',
    async ({ id }) => {
      for (const kind of kinds) {
        const answer = await empty(id, kind, 'application/json');
        expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
          400,
          { code: 'request.empty-body', errors: [{ pointer: '', detail: 'must not be empty' }] },
        ]);
      }
    },
  );
});

describe('a body on a route without one', () => {
  // Found by the fuzzer: the two rejections were not documented.
  it.each([
    ['text/plain', 'x', 415],
    ['application/json', `"${'x'.repeat(110_000)}"`, 413],
  ])('on DELETE as %s is rejected as documented', async (type, body, status) => {
    for (const path of [`/v1/products/${productId}`, '/v1/ops/dead-letters/orders-1']) {
      const init = { method: 'DELETE', headers: { 'if-match': '*', 'content-type': type }, body };
      await expectRefused(status, path, init);
      const [route] = documented.filter(
        (one) => one.method === 'DELETE' && path.startsWith(one.path.replace('{id}', '')),
      );
      expect(Object.keys(route?.operation.responses ?? {})).toContain(String(status));
    }
  });

  // Also found by the fuzzer.
  it('an id that is too long is rejected with a documented status', async () => {
    await expectRefused(414, `/v1/products/${'x'.repeat(500)}`, {});
    const withIds = documented.filter(({ path }) => path.includes('{id}'));
    expect(withIds.filter(({ operation }) => operation.responses['414'] === undefined)).toEqual([]);
  });
});

describe('a query', () => {
  it.each([
    ['/v1/products?limit=0'],
    ['/v1/products?limit=-1'],
    ['/v1/products?limit=1000000000'],
    ['/v1/products?limit=ten'],
    ['/v1/products?limit=5&limit=6'],
    ['/v1/products?sort=name;drop%20table%20products'],
    ["/v1/products?cursor=1'%20or%20'1'='1"],
    ['/v1/products?q=%00'],
    ['/v1/products?q='],
    ['/v1/products?page=2'],
    ['/v1/products?__proto__[x]=1'],
    ['/v1/orders?status=Shipped'],
    ['/v1/payments'],
    ['/v1/payments?orderId=1'],
    ['/v1/products/not-an-id'],
    [`/v1/orders/${orderId}%00`],
    ['/v1/products/%ff'],
    ['/v1/products/%'],
  ])('is rejected: %s', async (path) => {
    await expectRefused(400, path, {});
  });
});

describe('a URL', () => {
  it.each([
    ['/'],
    ['/v1'],
    ['/v1/nothing'],
    ['/v1/products/'],
    ['/v1/orders/../../etc/passwd/x'],
    ['/docs/../../package.json'],
  ])('without a resource answers 404: %s', async (path) => {
    await expectRefused(404, path, {});
  });

  it.each([
    ['PUT', '/v1/products', 'GET, HEAD, POST'],
    ['DELETE', '/v1/orders', 'GET, HEAD, POST'],
    ['POST', `/v1/orders/${orderId}/timeline`, 'GET, HEAD'],
    ['PATCH', '/livez', 'GET, HEAD'],
  ])('that does not support %s %s answers 405 with Allow', async (method, path, allow) => {
    const response = await gateway.request(path, { method, token });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    await problemOf(response);
  });

  it.each([['text/html'], ['application/xml;q=0.9'], ['application/json;q=0'], ['image/*']])(
    'is not available as %s',
    async (accept) => {
      await expectRefused(406, '/v1/products', { headers: { accept } });
    },
  );

  it('replaces a malformed correlation id', async () => {
    const response = await gateway.request('/v1/products', { headers: { 'x-correlation-id': 'a b"c' } });
    expect(response.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('on the wire', () => {
  const body = JSON.stringify(order);
  it.each([
    ['two Content-Lengths that differ', 400, ['content-length: 3', `content-length: ${body.length}`], body],
    ['Content-Length and Transfer-Encoding', 400, ['content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'],
    ['a Transfer-Encoding that is not chunked', 400, ['transfer-encoding: gzip, identity'], body],
    ['a header of 20 KB', 431, [`x-long: ${'x'.repeat(20_000)}`, 'content-length: 0'], ''],
    ['a header name with a space', 400, ['bad name: 1', 'content-length: 0'], ''],
    ['a negative Content-Length', 400, ['content-length: -1'], ''],
  ])('%s is answered %i and the connection closed', async (_what, status, lines, content) => {
    const head = ['POST /v1/orders HTTP/1.1', 'host: localhost', 'content-type: application/json', ...lines].join(
      '\r\n',
    );
    const answer = await rawRequest(gateway.url, `${head}\r\n\r\n${content}`);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatch(/content-type: application\/problem\+json/i);
    expect(answer.headers).toMatch(/connection: close/i);
    expect(JSON.parse(answer.body)).toMatchObject({ status });
  });

  it.each([
    ['a bare LF between headers', 'GET /v1/products HTTP/1.1\r\nhost: localhost\nx-smuggled: 1\r\n\r\n'],
    ['a bare CR in a header', 'GET /v1/products HTTP/1.1\r\nhost: localhost\rx-smuggled: 1\r\n\r\n'],
    ['no HTTP', 'hello there\r\n\r\n'],
    ['an unknown method', 'BREW /v1/products HTTP/1.1\r\nhost: localhost\r\n\r\n'],
  ])('%s is answered 400', async (_what, text) => {
    const answer = await rawRequest(gateway.url, text);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, code: 'request.invalid' });
  });
});
