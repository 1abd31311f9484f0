import { randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose';
import { z } from 'zod';
import { MeView, OrderPage, ProductPage, type ProductView, type RegisterAccount } from '@rookery/contracts';
import { OidcIssuer, OpenApi, rawRequest, routesOf } from '@rookery/testing';
import {
  type Answer,
  type ApiClient,
  clientOf,
  problem,
  products,
  read,
  request,
  type RequestOptions,
} from '../src/client';
import { type Customer, newCustomer } from '../src/customer';
import { Databases } from '../src/databases';
import { authUrl, gatewayUrl } from '../src/environment';
import { type Replica, startReplica } from '../src/replica';
import { tokenOf } from '../src/tokens';

const REGISTRATIONS_PER_HOUR = 3;
const MAX_PRICE_MINOR = 1_000_000_000_000;
const routes = routesOf(OpenApi.parse(JSON.parse((await request('GET', '/openapi.json')).text)));

const databases = new Databases();
let issuer: OidcIssuer;
/** Believes `issuer` and limits registrations as production does. */
let replica: Replica;
/** All orders of this spec are hers, and all that are refused must leave no row. */
let alice: Customer;
let bob: Customer;
let olga: ApiClient;
let product: ProductView;

beforeAll(async () => {
  issuer = await OidcIssuer.start();
  [replica, alice, bob, olga] = await Promise.all([
    startReplica('gateway', {
      OIDC_ISSUER: issuer.url,
      REGISTRATION_LIMIT_PER_HOUR: String(REGISTRATIONS_PER_HOUR),
    }),
    newCustomer(),
    newCustomer(),
    tokenOf('olga').then((token) => clientOf(token)),
  ]);
  product = await olga.addProduct({ stock: 1_000 });
});

afterAll(async () => {
  await Promise.all([replica.stop(), issuer.close(), databases.close()]);
});

/** Nothing that only we may know: no stack, no SQL, no address of a file or a module. */
const INTERNALS =
  /\bat .+:\d+:\d+|node_modules|\.[cm]?[jt]s\b|SELECT |INSERT |UPDATE |violates|syntax error|QueryFailed|TypeORM|postgres|ECONN|NATS/;

/** The answer is a problem with this status that tells no internals. */
function expectProblem(answer: Answer, status: number | readonly number[]): void {
  expect({ among: [status].flat().includes(answer.status), answer }).toMatchObject({ among: true });
  const { code, correlationId, ...told } = problem(answer);
  expect(code).toMatch(/^[a-z]+\.[a-z-]+$/);
  expect(correlationId).toMatch(/^[A-Za-z0-9._-]{8,128}$/);
  // `instance` repeats what was asked for.
  expect(JSON.stringify({ ...told, instance: '' })).not.toMatch(INTERNALS);
}

/** Everything that a refused request of this spec could have left behind. */
async function stored(): Promise<unknown> {
  const [orders, keys, catalog, adjustments, accounts] = await Promise.all([
    databases.count('orders', 'orders WHERE customer_id = ANY($1)', [[alice.subject, bob.subject]]),
    databases.count('orders', 'idempotency_key WHERE subject = ANY($1)', [[alice.subject, bob.subject]]),
    databases.rows('products', 'SELECT * FROM products WHERE id = $1 OR sku LIKE $2', [product.id, 'BAD-%']),
    databases.count('products', 'stock_adjustments WHERE product_id = $1', [product.id]),
    databases.count('auth', 'users WHERE email LIKE $1', ['%@bad-input.example']),
  ]);
  return { orders, keys, catalog, adjustments, accounts };
}

/** Sends what must be refused; nothing may be stored of it. */
async function expectRefused(
  status: number | readonly number[],
  method: string,
  path: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const before = await stored();
  const answer = await request(method, path, options);
  expectProblem(answer, status);
  expect(await stored()).toEqual(before);
  return answer;
}

const order = (change: Readonly<Record<string, unknown>> = {}) => ({
  lines: [{ productId: product.id, quantity: 1 }],
  paymentToken: 'tok_ok',
  ...change,
});
const asAlice = (options: RequestOptions = {}): RequestOptions => ({
  token: alice.token,
  ...options,
  headers: { 'idempotency-key': randomUUID(), ...options.headers },
});
const asOlga = (options: RequestOptions = {}): RequestOptions => ({ token: olga.token, ...options });
const newProduct = (change: Readonly<Record<string, unknown>> = {}) => ({
  sku: `BAD-${randomUUID()}`,
  name: 'Refused',
  price: { amountMinor: 1, currency: 'EUR' },
  ...change,
});

describe('numbers', () => {
  it.each(['-1', '0', '1.5', '1e309', '"2"', '9007199254740993', 'null', 'true', '[1]', '{}', '10001', '-0', '1e-7'])(
    'an order with quantity %s is refused',
    async (quantity) => {
      const body = `{"lines":[{"productId":"${product.id}","quantity":${quantity}}],"paymentToken":"tok_ok"}`;
      await expectRefused(400, 'POST', '/v1/orders', asAlice({ body }));
    },
  );

  it.each(['-1', '1.5', '1e309', '"2"', '9007199254740993', 'null', '1000000000001'])(
    'a product with price %s is refused',
    async (amount) => {
      const body = JSON.stringify(newProduct()).replace('"amountMinor":1', `"amountMinor":${amount}`);
      await expectRefused(400, 'POST', '/v1/products', asOlga({ body }));
    },
  );

  it.each(['-1', '1.5', '1e309', '"2"', '9007199254740993', '1000000001'])(
    'a product with stock %s is refused',
    async (stock) => {
      const body = JSON.stringify(newProduct({ stock: 0 })).replace('"stock":0', `"stock":${stock}`);
      await expectRefused(400, 'POST', '/v1/products', asOlga({ body }));
    },
  );

  it.each([
    ['0', 400],
    ['1.5', 400],
    ['"1"', 400],
    ['-9007199254740993', 400],
    ['1e309', 400],
    ['-1000000000', 409],
  ])('a stock adjustment by %s is refused with %i', async (delta, status) => {
    const body = `{"delta":${delta},"reason":"bad input"}`;
    await expectRefused(status, 'POST', `/v1/products/${product.id}/stock-adjustments`, asOlga({ body }));
  });

  it('stock beyond what a product may have is refused', async () => {
    const full = await olga.addProduct({ stock: 1_000_000_000 });
    await expectRefused(
      [400, 409],
      'POST',
      `/v1/products/${full.id}/stock-adjustments`,
      asOlga({ body: { delta: 1_000_000_000, reason: 'bad input' } }),
    );
  });

  it('a total beyond what JSON carries exactly is refused', async () => {
    const dear = await olga.addProduct({ price: { amountMinor: MAX_PRICE_MINOR, currency: 'EUR' }, stock: 100_000 });
    const lines = [{ productId: dear.id, quantity: 10_000 }];
    const answer = await expectRefused(422, 'POST', '/v1/orders', asAlice({ body: order({ lines }) }));
    expect(problem(answer).code).toBe('orders.total-too-large');
  });

  it('a total that is too large only when all lines are added up is refused', async () => {
    const lines = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { id } = await olga.addProduct({ price: { amountMinor: MAX_PRICE_MINOR, currency: 'EUR' } });
        return { productId: id, quantity: 1_000 };
      }),
    );
    await expectRefused(422, 'POST', '/v1/orders', asAlice({ body: order({ lines }) }));
  });

  it('a total of two currencies is refused', async () => {
    const yen = await olga.addProduct({ price: { amountMinor: 100, currency: 'JPY' } });
    const lines = [
      { productId: product.id, quantity: 1 },
      { productId: yen.id, quantity: 1 },
    ];
    await expectRefused(422, 'POST', '/v1/orders', asAlice({ body: order({ lines }) }));
  });
});

describe('what a client may not set', () => {
  it.each([
    ['status', 'Confirmed'],
    ['price', 1],
    ['customer', 'bob'],
    ['customerId', 'bob'],
    ['total', { amountMinor: 1, currency: 'EUR' }],
    ['id', randomUUID()],
    ['version', 1],
    ['toString', 'x'],
    ['hasOwnProperty', 'x'],
  ])('an order with %s is refused', async (field, value) => {
    const answer = await expectRefused(400, 'POST', '/v1/orders', asAlice({ body: order({ [field]: value }) }));
    expect(problem(answer).errors?.map(({ pointer }) => pointer)).toEqual([`/${field}`]);
  });

  it.each([['unitPrice'], ['name'], ['sku']])('a line with %s is refused', async (field) => {
    const lines = [{ productId: product.id, quantity: 1, [field]: 1 }];
    await expectRefused(400, 'POST', '/v1/orders', asAlice({ body: order({ lines }) }));
  });

  it.each([['id'], ['version'], ['archivedAt'], ['createdAt'], ['stock']])(
    'a change of a product with %s is refused',
    async (field) => {
      const options = { body: { name: 'Refused', [field]: 1 }, headers: { 'if-match': '*' } };
      await expectRefused(400, 'PATCH', `/v1/products/${product.id}`, asOlga(options));
    },
  );

  it.each([
    ['roles', ['operator']],
    ['role', 'operator'],
    ['disabled', false],
    ['id', randomUUID()],
  ] as const)('an account with %s is refused', async (field, value) => {
    const body = { email: 'x@bad-input.example', password: 'a long enough password', name: 'X', [field]: value };
    await expectRefused(400, 'POST', '/v1/accounts', { body });
  });

  it.each(['x-user', 'x-user-id', 'x-forwarded-user', 'x-roles', 'x-actor', 'x-subject', 'x-internal-token'])(
    'the header %s changes nothing',
    async (header) => {
      const headers = { [header]: 'olga', 'x-scopes': 'catalog:write' };
      const me = await request('GET', '/v1/me', { token: alice.token, headers });
      expect(read(MeView, me)).toMatchObject({ subject: alice.subject, roles: ['customer'] });
      await expectRefused(401, 'POST', '/v1/products', { body: newProduct(), headers });
      await expectRefused(403, 'POST', '/v1/products', { token: alice.token, body: newProduct(), headers });
    },
  );
});

describe('a query', () => {
  const sql = ["'", "1' OR '1'='1", 'name; DROP TABLE products', 'name)--', '(SELECT 1)', 'pg_sleep(9)', '\\'];

  it.each(sql)('sort is from a closed list: %s is refused', async (text) => {
    await expectRefused(400, 'GET', `/v1/products?${new URLSearchParams({ sort: text }).toString()}`);
  });

  it.each(sql)('a cursor has our signature: %s is refused', async (text) => {
    await expectRefused(400, 'GET', `/v1/products?${new URLSearchParams({ cursor: text }).toString()}`);
    await expectRefused(400, 'GET', `/v1/orders?${new URLSearchParams({ cursor: text }).toString()}`, asAlice());
  });

  it.each([...sql, '%', '_', '%%', '\\%', "%' OR 1=1 --"])('a search for %s finds those texts only', async (text) => {
    const mark = randomBytes(6).toString('hex');
    const named = await olga.addProduct({ name: `${mark}${text}${mark}` });
    await olga.addProduct({ name: `${mark}x${mark}` });
    const found = await products(`?${new URLSearchParams({ q: `${mark}${text}${mark}` }).toString()}`);
    expect(found.items.map(({ id }) => id)).toEqual([named.id]);
    const category = await request('GET', `/v1/products?${new URLSearchParams({ category: text }).toString()}`);
    expect(read(ProductPage, category).items).toEqual([]);
  });

  it.each(['0', '-1', '1000000000', '101', '1.5', 'ten', '', '0x10', '1e1', '%2010', '5&limit=6'])(
    'limit=%s is refused',
    async (limit) => {
      await expectRefused(400, 'GET', `/v1/products?limit=${limit}`);
      await expectRefused(400, 'GET', `/v1/orders?limit=${limit}`, asAlice());
    },
  );

  it.each([
    ['q=%00'],
    ['q=%ED%A0%80'],
    ['q=%ff'],
    ['q='],
    [`q=${'x'.repeat(101)}`],
    ['q[$ne]=1'],
    ['q=a&q=b'],
    ['category=%00'],
    ['__proto__[x]=1'],
    ['constructor=1'],
    ['toString=1'],
    ['page=2'],
  ])('?%s is refused', async (query) => {
    await expectRefused(400, 'GET', `/v1/products?${query}`);
  });

  it.each(routes.map(({ method, path }) => [method, path] as const))(
    '%s %s refuses a parameter that it does not know',
    async (method, path) => {
      const options = { token: olga.token, headers: { 'idempotency-key': randomUUID(), 'if-match': '*' } };
      const address = `${path.replace('{id}', product.id)}?surprise=1`;
      const answer = await expectRefused(
        400,
        method,
        address,
        method === 'POST' || method === 'PATCH' ? { ...options, body: {} } : options,
      );
      expect(problem(answer).errors?.map(({ pointer }) => pointer)).toContain('#/query/surprise');
    },
  );
});

describe('a cursor', () => {
  const cursorOf = async (query: string): Promise<string> => (await products(query)).nextCursor ?? '';

  const paged = { name: 'A product with a page after it', category: 'paged' };

  beforeAll(() =>
    Promise.all([olga.addProduct(paged), olga.addProduct(paged), alice.buy(product.id, 1), alice.buy(product.id, 1)]),
  );

  it.each([
    ['another sort', '?limit=1&sort=name', '?limit=1&sort=price'],
    ['the other direction', '?limit=1&sort=name', '?limit=1&sort=-name'],
    ['another category', '?limit=1&category=paged', '?limit=1'],
    ['another search', '?limit=1&q=page', '?limit=1&q=product'],
  ])('of %s is refused', async (_what, made, used) => {
    const cursor = await cursorOf(made);
    expect(cursor).not.toBe('');
    expect((await request('GET', `/v1/products${made}&cursor=${cursor}`)).status).toBe(200);
    await expectRefused(400, 'GET', `/v1/products${used}&cursor=${cursor}`);
  });

  it('with a changed bit is refused', async () => {
    const bytes = Buffer.from(await cursorOf('?limit=1'), 'base64url');
    for (const index of [0, 7, 15, bytes.length - 1]) {
      const forged = Buffer.from(bytes);
      forged.writeUInt8(forged.readUInt8(index) ^ 1, index);
      await expectRefused(400, 'GET', `/v1/products?limit=1&cursor=${forged.toString('base64url')}`);
    }
  });

  it('of another customer’s orders, or of another status, is refused', async () => {
    const page = read(OrderPage, await request('GET', '/v1/orders?limit=1', { token: alice.token }));
    const path = `/v1/orders?limit=1&cursor=${page.nextCursor}`;
    expect((await request('GET', path, { token: alice.token })).status).toBe(200);
    await expectRefused(400, 'GET', path, { token: bob.token });
    await expectRefused(400, 'GET', path, { token: olga.token });
    await expectRefused(400, 'GET', `${path}&status=Confirmed`, { token: alice.token });
  });

  it('of the orders leads nowhere in the products, and the other way round', async () => {
    const page = read(OrderPage, await request('GET', '/v1/orders?limit=1', { token: alice.token }));
    await expectRefused(400, 'GET', `/v1/products?limit=1&cursor=${page.nextCursor}`);
    await expectRefused(400, 'GET', `/v1/orders?limit=1&cursor=${await cursorOf('?limit=1')}`, { token: alice.token });
  });

  it('that is stale, its product archived since, still leads on', async () => {
    const mark = randomBytes(6).toString('hex');
    const [first, second] = [
      await olga.addProduct({ name: `${mark} a` }),
      await olga.addProduct({ name: `${mark} b` }),
    ];
    const query = `?limit=1&q=${mark}`;
    const cursor = await cursorOf(query);
    const archived = await request('DELETE', `/v1/products/${first.id}`, asOlga({ headers: { 'if-match': '*' } }));
    expect(archived.status).toBe(204);
    const next = await products(`${query}&cursor=${cursor}`);
    expect(next.items.map(({ id }) => id)).toEqual([second.id]);
  });
});

describe('a body', () => {
  it.each([
    ['no JSON', '{', 400],
    ['nothing', '', 400],
    ['a list', '[]', 400],
    ['null', 'null', 400],
    ['a text', '"order"', 400],
    ['two documents', '{}{}', 400],
    ['45,000 nested arrays', '['.repeat(45_000) + ']'.repeat(45_000), 400],
    ['45,000 open arrays', '['.repeat(45_000), 400],
    ['5,000 nested objects', '{"lines":'.repeat(5_000) + '1' + '}'.repeat(5_000), 400],
    ['__proto__', '{"__proto__":{"paymentToken":"tok_ok"},"lines":[]}', 400],
    ['an escaped __proto__', '{"\\u005f\\u005fproto\\u005f\\u005f":{"x":1},"lines":[],"paymentToken":"tok_ok"}', 400],
    ['constructor', '{"constructor":{"prototype":{"x":1}},"lines":[],"paymentToken":"tok_ok"}', 400],
    ['a deep __proto__', '{"lines":[{"__proto__":{"quantity":1}}],"paymentToken":"tok_ok"}', 400],
    ['101 lines', JSON.stringify({ lines: Array(101).fill({}), paymentToken: 'tok_ok' }), 400],
    ['10 MB', `{"paymentToken":"${'x'.repeat(10_000_000)}"}`, 413],
  ])('that is or has %s is refused', async (_what, body, status) => {
    await expectRefused(status, 'POST', '/v1/orders', asAlice({ body }));
    await expectRefused(status, 'POST', '/v1/products', asOlga({ body }));
    await expectRefused(status, 'POST', '/v1/accounts', { body });
  });

  it('of 10 MB in chunks without a length is refused', async () => {
    const before = await stored();
    const chunk = `${(50_000).toString(16)}\r\n${'x'.repeat(50_000)}\r\n`;
    const answer = await raw(
      [
        'POST /v1/orders HTTP/1.1',
        `authorization: Bearer ${alice.token}`,
        'content-type: application/json',
        // No `connection: close`: it would let the server hang up on what is still being sent, and the answer could be lost.
        'transfer-encoding: chunked',
      ],
      `${chunk.repeat(200)}0\r\n\r\n`,
    );
    expectProblem(answer, 413);
    expect(await stored()).toEqual(before);
  });

  it.each([
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-patch+json',
    'application/jsonx',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    'nonsense',
  ])('as %s is refused', async (type) => {
    const headers = { 'content-type': type };
    await expectRefused(415, 'POST', '/v1/orders', asAlice({ body: JSON.stringify(order()), headers }));
    await expectRefused(415, 'POST', '/v1/products', asOlga({ body: JSON.stringify(newProduct()), headers }));
  });

  it('without a content type is refused', async () => {
    const body = JSON.stringify(order());
    const answer = await raw(
      [
        'POST /v1/orders HTTP/1.1',
        `authorization: Bearer ${alice.token}`,
        `idempotency-key: ${randomUUID()}`,
        `content-length: ${body.length}`,
        'connection: close',
      ],
      body,
    );
    expectProblem(answer, 415);
  });

  const mustNotBeStored = [
    ['U+0000', '\\u0000'],
    ['a lone high surrogate', '\\ud800'],
    ['a lone low surrogate', '\\udc00'],
    ['surrogates the wrong way round', '\\udc00\\ud800'],
  ] as const;
  const texts = [
    ['POST', '/v1/orders', 'paymentToken'],
    ['POST', '/v1/products', 'sku'],
    ['POST', '/v1/products', 'name'],
    ['POST', '/v1/products', 'description'],
    ['POST', '/v1/products', 'category'],
    ['POST', '/v1/products', 'price.currency'],
    ['PATCH', '/v1/products/{id}', 'name'],
    ['PATCH', '/v1/products/{id}', 'description'],
    ['PATCH', '/v1/products/{id}', 'category'],
    ['POST', '/v1/products/{id}/stock-adjustments', 'reason'],
    ['POST', '/v1/accounts', 'email'],
    ['POST', '/v1/accounts', 'password'],
    ['POST', '/v1/accounts', 'name'],
  ] as const;

  /** A request that would do, with MARK where the bad text comes. */
  function bodyWithMark(path: string, field: string): unknown {
    const mark = { [field]: 'MARK' };
    switch (path) {
      case '/v1/orders':
        return order(mark);
      case '/v1/products':
        return newProduct(field === 'price.currency' ? { price: { amountMinor: 1, currency: 'MARK' } } : mark);
      case '/v1/accounts':
        return { email: 'x@bad-input.example', password: 'a long enough password', name: 'X', ...mark };
      case '/v1/products/{id}/stock-adjustments':
        return { delta: 1, reason: 'bad input', ...mark };
      default:
        return mark;
    }
  }

  describe.each(texts)('%s %s with a bad %s', (method, path, field) => {
    it.each(mustNotBeStored)('is refused: %s', async (_what, escape) => {
      const longEnough = `a long enough text ${escape}@bad-input.example`;
      const body = JSON.stringify(bodyWithMark(path, field)).replace('MARK', longEnough);
      const options = path === '/v1/orders' ? asAlice({ body }) : asOlga({ body, headers: { 'if-match': '*' } });
      await expectRefused(400, method, path.replace('{id}', product.id), options);
    });
  });

  it.each([
    ['no address', { email: 'nobody' }],
    ['a header in the address', { email: 'x@bad-input.example\r\nBcc: y@bad-input.example' }],
    ['a password of 11 characters', { password: 'elevenchars' }],
    ['a password of a million characters', { password: 'x'.repeat(90_000) }],
    ['a common password', { password: 'password1234' }],
    ['a name of spaces', { name: '   ' }],
  ])('of an account with %s is refused', async (_what, change) => {
    const body = { email: 'x@bad-input.example', password: 'a long enough password', name: 'X', ...change };
    await expectRefused(400, 'POST', '/v1/accounts', { body });
  });

  it('of an account whose address is taken is refused without saying so', async () => {
    const body = { email: alice.email, password: 'a long enough password', name: 'X' } satisfies RegisterAccount;
    const answer = await expectRefused(409, 'POST', '/v1/accounts', { body });
    expect(answer.text).not.toMatch(/exist|taken|in use|already/i);
  });
});

/** These very bytes, with the rest of a request that HTTP/1.1 asks for. */
async function raw(lines: readonly string[], content = ''): Promise<Answer> {
  const [start = '', ...rest] = lines;
  return rawAnswer([start, `host: ${new URL(gatewayUrl).host}`, ...rest].join('\r\n') + `\r\n\r\n${content}`);
}

async function rawAnswer(bytes: string): Promise<Answer> {
  const answer = await rawRequest(gatewayUrl, bytes);
  const headers = new Headers();
  for (const line of answer.headers.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { status: answer.status, headers, text: answer.body };
}

describe('on the wire', () => {
  const post = 'content-type: application/json\r\nhost: localhost\r\nconnection: close\r\n';
  const [start10, start11] = [`POST /v1/accounts HTTP/1.0\r\n${post}`, `POST /v1/accounts HTTP/1.1\r\n${post}`];
  const chunked = '2\r\n{}\r\n0\r\n\r\n';
  const body = '{"lines":[],"paymentToken":"tok_ok"}';
  it.each([
    ['two Content-Lengths that differ', 400, ['content-length: 3', `content-length: ${body.length}`], body],
    ['a list of Content-Lengths', 400, [`content-length: ${body.length}, 3`], body],
    ['a Content-Length with a plus', 400, [`content-length: +${body.length}`], body],
    ['a negative Content-Length', 400, ['content-length: -1'], ''],
    ['a Content-Length that is huge', 413, ['content-length: 99999999999999', 'connection: close'], ''],
    ['Content-Length and Transfer-Encoding', 400, ['content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'],
    ['Transfer-Encoding twice', 400, ['transfer-encoding: chunked', 'transfer-encoding: identity'], '0\r\n\r\n'],
    ['a Transfer-Encoding that is not chunked', 400, ['transfer-encoding: gzip, identity'], body],
    ['a chunk size that is none', 400, ['transfer-encoding: chunked'], 'zz\r\n'],
    ['a header of 20 KB', 431, [`x-long: ${'x'.repeat(20_000)}`, 'content-length: 0'], ''],
    ['2,000 headers', 431, Array<string>(2_000).fill('x-many: 1234567'), ''],
    ['a header name with a space', 400, ['bad name: 1', 'content-length: 0'], ''],
    ['a folded header', 400, ['x-folded: 1', ' content-length: 7', 'content-length: 0'], ''],
    ['a NUL in a header', 400, ['x-nul: a\u0000b', 'content-length: 0'], ''],
  ])('%s is answered %i', async (_what, status, lines, content) => {
    const before = await stored();
    const head = ['POST /v1/orders HTTP/1.1', `authorization: Bearer ${alice.token}`, 'content-type: application/json'];
    expectProblem(await raw([...head, ...lines], content), status);
    expect(await stored()).toEqual(before);
  });

  it.each([
    ['a bare LF between headers', 'GET /v1/products HTTP/1.1\r\nhost: localhost\nx-smuggled: 1\r\n\r\n'],
    ['bare LFs only', 'GET /v1/products HTTP/1.1\nhost: localhost\n\n'],
    ['a bare CR in a header', 'GET /v1/products HTTP/1.1\r\nhost: localhost\rx-smuggled: 1\r\n\r\n'],
    ['no Host', 'GET /v1/products HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET /v1/products HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n'],
    ['no HTTP at all', 'hello there\r\n\r\n'],
    ['an unknown method', 'BREW /v1/products HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ['a space in the address', 'GET /v1/pro ducts HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ['HTTP/1.0 with a Transfer-Encoding', `${start10}transfer-encoding: chunked\r\n\r\n${chunked}`],
    ['a Transfer-Encoding that only looks like chunked', `${start11}transfer-encoding: xchunked\r\n\r\n${chunked}`],
    ['a Transfer-Encoding after a tab', `${start11}transfer-encoding:\u000bchunked\r\n\r\n${chunked}`],
    ['a Transfer-Encoding before a space', `${start11}transfer-encoding : chunked\r\n\r\n${chunked}`],
    ['a Transfer-Encoding twice over', `${start11}transfer-encoding: chunked, chunked\r\n\r\n${chunked}`],
    ['a chunk longer than it says', `${start11}transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`],
    ['a chunk of a negative size', `${start11}transfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n`],
    ['a chunk of 2^64 bytes', `${start11}transfer-encoding: chunked\r\n\r\n10000000000000000\r\n{}`],
    ['a version of HTTP that is none', 'GET /v1/products HTTP/9.9\r\nhost: localhost\r\n\r\n'],
    ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a NUL in the address', 'GET /v1/pro\u0000ducts HTTP/1.1\r\nhost: localhost\r\n\r\n'],
    ['CONNECT, for we are no proxy', 'CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n'],
    ['the start of TLS', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
  ])('%s is answered 400', async (_what, bytes) => {
    expectProblem(await rawAnswer(bytes), 400);
  });

  it.each([
    ['the whole address of another host', 'GET http://evil.example/v1/products HTTP/1.1', [200, 400, 404]],
    ['an address of everything', 'OPTIONS * HTTP/1.1', [400, 404, 405]],
    ['bytes that are no ASCII in the address', 'GET /v1/products/\u00ff\u00fe HTTP/1.1', [400, 404]],
    ['a fragment', 'GET /v1/nothing#/v1/products HTTP/1.1', [400, 404]],
    ['an address of 20,000 characters', `GET /v1/${'x'.repeat(20_000)} HTTP/1.1`, [414, 431]],
    ['a query of 15,000 characters', `GET /v1/products?q=${'x'.repeat(15_000)} HTTP/1.1`, [400]],
    ['a query with 3,000 names', `GET /v1/products?${'a&'.repeat(3_000)} HTTP/1.1`, [400]],
    ['a query with one name 3,000 times', `GET /v1/products?${'q=a&'.repeat(3_000)} HTTP/1.1`, [400]],
  ])('%s is answered clearly', async (_what, line, statuses) => {
    const answer = await raw([line, 'connection: close']);
    if (answer.status >= 400) {
      expectProblem(answer, statuses);
    } else {
      expect(statuses).toContain(answer.status);
    }
  });

  it('HTTP/1.0 is served without a Host, and hung up on', async () => {
    const answer = await rawAnswer('GET /v1/products?limit=1 HTTP/1.0\r\n\r\n');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    expect(read(ProductPage, answer).items.length).toBeLessThanOrEqual(1);
  });

  it('Expect: 100-continue is answered before the body is sent, anything else expected is refused', async () => {
    const start = ['POST /v1/accounts HTTP/1.1', 'content-type: application/json', 'content-length: 2'];
    const continued = await raw([...start, 'connection: close', 'expect: 100-continue'], '{}');
    expect(continued.text).toContain('HTTP/1.1 400');
    const refused = await raw([...start, 'expect: 200-ok'], '{}');
    expectProblem(refused, 417);
  });

  it('a client that sends its headers a byte a second is cut off within the time that it has for them', async () => {
    const { hostname, port } = new URL(gatewayUrl);
    const socket = connect({ host: hostname, port: Number(port) });
    const startedAt = Date.now();
    let received = '';
    socket.setEncoding('utf8').on('data', (data: string) => (received += data));
    socket.write('GET /v1/products HTTP/1.1\r\nhost: localhost\r\nx-slow: ');
    const drip = setInterval(() => socket.write('x'), 1_000);
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.on('close', resolve));
    clearInterval(drip);
    expect(received).toMatch(/^HTTP\/1\.1 408 /);
    expect(Date.now() - startedAt).toBeLessThan(25_000);
  });

  it('goes on serving others after all that', async () => {
    expect((await request('GET', '/readyz')).status).toBe(200);
  });
});

describe('a method', () => {
  const addresses = [...new Set(routes.map(({ path }) => path))];
  const known = (path: string): string[] => {
    const methods = routes.filter((route) => route.path === path).map(({ method }) => method);
    return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  };

  it.each(addresses)('that %s does not know is answered 405 with those it knows', async (path) => {
    const address = path.replace('{id}', product.id);
    for (const method of ['PUT', 'DELETE', 'PATCH', 'POST', 'GET', 'TRACE'].filter(
      (name) => !known(path).includes(name),
    )) {
      const answer =
        method === 'TRACE'
          ? await raw([`TRACE ${address} HTTP/1.1`, 'connection: close'])
          : await expectRefused(405, method, address, { token: olga.token });
      expectProblem(answer, 405);
      expect(answer.headers.get('allow')?.split(', ').toSorted()).toEqual(known(path).toSorted());
    }
  });

  it.each(addresses)('OPTIONS %s is no 5xx', async (path) => {
    const answer = await request('OPTIONS', path.replace('{id}', product.id));
    if (answer.status >= 300) {
      expectProblem(answer, [404, 405]);
    }
  });

  it.each(['/v1/products', '/livez', '/openapi.json'])('HEAD %s is GET without a body', async (path) => {
    const [head, get] = await Promise.all([request('HEAD', path), request('GET', path)]);
    expect(head).toMatchObject({ status: get.status, text: '' });
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
  });

  it('HEAD of an unknown product is 404 without a body', async () => {
    expect(await request('HEAD', `/v1/products/${randomUUID()}`)).toMatchObject({ status: 404, text: '' });
  });
});

describe('an address', () => {
  const withIds = routes.filter(({ path }) => path.includes('{id}'));
  const badIds = ['1', 'x', 'null', '%00', '%F0%9F%A6%89', '%2e%2e', "'", '0'.repeat(36), 'a'.repeat(200)];

  it.each(withIds.map(({ method, path }) => [method, path] as const))(
    '%s %s refuses ids that are none',
    async (...route) => {
      const [method, path] = route;
      for (const id of badIds) {
        const options: RequestOptions = { token: olga.token, headers: { 'if-match': '*', accept: '*/*' } };
        const hasBody = (method === 'POST' && path.startsWith('/v1/products')) || method === 'PATCH';
        const body = method === 'PATCH' ? { name: 'Refused' } : { delta: 1, reason: 'bad input' };
        await expectRefused(
          [400, 404, 414],
          method,
          path.replace('{id}', id),
          hasBody ? { ...options, body } : options,
        );
      }
    },
  );

  it.each(badIds)('payments of the order %s are refused', async (id) => {
    await expectRefused(400, 'GET', `/v1/payments?orderId=${id}`, { token: olga.token });
  });

  it('that is an id spelt in capitals is the same resource', async () => {
    const answer = await request('GET', `/v1/products/${product.id.toUpperCase()}`);
    expect([200, 400, 404]).toContain(answer.status);
  });

  it.each([
    '/',
    '/v1',
    '/v1/nothing',
    '/v1/products/',
    '//v1/products',
    '/v1/../v1/x',
    '/%2e%2e/etc/passwd',
    '/docs/nothing.js',
  ])('that is not there is answered 404: %s', async (path) => {
    expectProblem(await raw([`GET ${path} HTTP/1.1`, 'connection: close']), 404);
  });

  it.each([
    '/docs/../package.json',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/docs//etc/passwd',
    '/docs/%00',
    '/docs/.env',
  ])('leads to no file of the repository: %s', async (path) => {
    expectProblem(await raw([`GET ${path} HTTP/1.1`, 'connection: close']), [403, 404]);
  });

  it.each(['/v1/products/%', '/v1/products/%ff', '/v1/products/%zz'])(
    'that cannot be decoded is refused: %s',
    async (path) => {
      expectProblem(await raw([`GET ${path} HTTP/1.1`, 'connection: close']), 400);
    },
  );

  it('of 15,000 characters is refused', async () => {
    expectProblem(await request('GET', `/v1/${'x'.repeat(15_000)}`), [404, 414]);
  });
});

describe('a header', () => {
  it.each([['nonsense'], ['"1'], ['1'], ['"1" "2"'], ['W/1'], [',']])('If-Match: %s is refused', async (value) => {
    const options = asOlga({ body: { name: 'Refused' }, headers: { 'if-match': value } });
    await expectRefused(400, 'PATCH', `/v1/products/${product.id}`, options);
    await expectRefused(400, 'DELETE', `/v1/products/${product.id}`, asOlga({ headers: { 'if-match': value } }));
  });

  it.each([['W/"1"'], ['"999"'], ['"99999999999999999999"'], ['"1e0"'], ['"-1"'], ['""'], ['"\' OR 1=1"']])(
    'If-Match: %s is the version of nothing',
    async (value) => {
      const options = asOlga({ body: { name: 'Refused' }, headers: { 'if-match': value } });
      await expectRefused([400, 412], 'PATCH', `/v1/products/${product.id}`, options);
    },
  );

  it('If-Match left out is asked for', async () => {
    await expectRefused(428, 'PATCH', `/v1/products/${product.id}`, asOlga({ body: { name: 'Refused' } }));
    await expectRefused(428, 'DELETE', `/v1/products/${product.id}`, asOlga());
  });

  it.each([['nonsense'], ['"1'], ['1'], [',']])('If-None-Match: %s is refused', async (value) => {
    await expectRefused(400, 'GET', `/v1/products/${product.id}`, { headers: { 'if-none-match': value } });
  });

  it.each([['x'], ['-1'], ['1.5'], ['9'.repeat(30)], ["1' OR '1'='1"], ['1,2']])(
    'Last-Event-ID: %s is refused',
    async (value) => {
      const { id } = await alice.buy(product.id, 1);
      await alice.ended(id);
      const headers = { accept: 'text/event-stream', 'last-event-id': value };
      await expectRefused(400, 'GET', `/v1/orders/${id}/events`, { token: alice.token, headers });
    },
  );

  it.each([['x'], ['x'.repeat(256)], ['with space inside'], ['"unclosed-key'], ['käse-und-brot']])(
    'Idempotency-Key: %s is refused',
    async (value) => {
      await expectRefused(400, 'POST', '/v1/orders', asAlice({ body: order(), headers: { 'idempotency-key': value } }));
    },
  );

  it.each([['text/html'], ['application/json;q=0'], ['image/*']])('Accept: %s is refused', async (accept) => {
    await expectRefused(406, 'GET', '/v1/products', { headers: { accept } });
  });

  it.each([['a b"c'], ['x'], ['x'.repeat(500)], ["'; DROP TABLE orders"]])(
    'x-correlation-id: %s is replaced',
    async (value) => {
      const answer = await request('GET', '/v1/products?limit=1', { headers: { 'x-correlation-id': value } });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('x-correlation-id')).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('traceparent that is none is replaced', async () => {
    const answer = await request('POST', '/v1/orders', asAlice({ body: order(), headers: { traceparent: '00-zz' } }));
    expect(answer.status).toBe(201);
  });
});

describe('a token', () => {
  const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = () => Math.floor(Date.now() / 1_000);
  const claims = () => ({
    iss: issuer.url,
    aud: 'rookery-api',
    sub: alice.subject,
    client_id: 'spec',
    scope: 'catalog:write',
    roles: ['operator'],
    iat: now(),
    exp: now() + 300,
  });
  const good = { subject: 'mallory', scopes: ['catalog:write'], roles: ['operator'] };
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'test-key' };

  const forgeries: readonly (readonly [string, () => Promise<string> | string])[] = [
    ['of alg none', () => `${segment({ ...header, alg: 'none' })}.${segment(claims())}.`],
    [
      'of HS256 signed with the public key',
      async () => {
        const key = await importJWK(issuer.publicKey, 'ES256', { extractable: true });
        if (key instanceof Uint8Array) {
          throw new Error('an EC key was expected');
        }
        const secret = new TextEncoder().encode(await exportSPKI(key));
        return new SignJWT(claims()).setProtectedHeader({ ...header, alg: 'HS256' }).sign(secret);
      },
    ],
    [
      'that brings its own key',
      async () => {
        const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
        return new SignJWT(claims())
          .setProtectedHeader({ ...header, jwk: await exportJWK(publicKey) })
          .sign(privateKey);
      },
    ],
    [
      'signed by another key',
      async () => {
        const { privateKey } = await generateKeyPair('ES256');
        return new SignJWT(claims()).setProtectedHeader(header).sign(privateKey);
      },
    ],
    ['whose kid is a path', () => issuer.token({ ...good, header: { kid: '../../../dev/null' } })],
    ['whose kid is SQL', () => issuer.token({ ...good, header: { kid: "' OR '1'='1" } })],
    ['with a jku', () => issuer.token({ ...good, header: { jku: 'http://127.0.0.1:9/jwks' } })],
    [
      'with an unknown crit',
      async () => {
        const [, payload = '', signature = ''] = (await issuer.token(good)).split('.');
        return `${segment({ ...header, crit: ['exotic'], exotic: true })}.${payload}.${signature}`;
      },
    ],
    ['without exp', () => issuer.token({ ...good, expiresIn: null })],
    ['that has expired', () => issuer.token({ ...good, expiresIn: -60 })],
    ['for another audience', () => issuer.token({ ...good, audience: 'another-api' })],
    ['of another issuer', () => issuer.token({ ...good, issuer: authUrl })],
    ['of the type JWT, as an ID token', () => issuer.token({ ...good, type: 'JWT' })],
    [
      'with a changed payload',
      async () => {
        const [head = '', , signature = ''] = (await issuer.token(good)).split('.');
        return `${head}.${segment(claims())}.${signature}`;
      },
    ],
    ['that is 8,000 letters', () => 'a'.repeat(8_000)],
    ['that is three dots', () => '...'],
  ];

  it('is believed when nothing is wrong with it', async () => {
    const body = { sku: `E2E-${randomUUID()}`, name: 'Allowed', price: { amountMinor: 1, currency: 'EUR' } };
    const answer = await request('POST', '/v1/products', {
      token: await issuer.token(good),
      body,
      gateway: replica.url,
    });
    expect(answer).toMatchObject({ status: 201 });
  });

  it.each(forgeries)('%s is refused', async (_what, forge) => {
    const options = { token: await forge(), body: newProduct(), gateway: replica.url };
    const answer = await expectRefused(401, 'POST', '/v1/products', options);
    expect(problem(answer).code).toBe('auth.invalid-token');
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it.each(['id_token', 'refresh_token'] as const)('that is really an %s is refused', async (kind) => {
    const token = alice.tokens[kind];
    expect(token).toEqual(expect.any(String));
    await expectRefused(401, 'GET', '/v1/me', { token });
  });

  it('of one service for another (an internal one) is refused', async () => {
    await expectRefused(401, 'GET', '/v1/me', {
      token: await issuer.token({ type: 'rookery-internal+jwt' }),
      gateway: replica.url,
    });
  });

  it.each(['Basic YWxpY2U6YWxpY2U=', 'Bearer', 'Bearer  ', 'Bearer a b', 'bearer', 'Negotiate x'])(
    'as “%s” is refused',
    async (authorization) => {
      await expectRefused(401, 'GET', '/v1/me', { headers: { authorization } });
    },
  );

  it('in the address is not looked at', async () => {
    await expectRefused([400, 401], 'GET', `/v1/me?access_token=${alice.token}`);
  });

  it('with an unknown kid, a thousand times, costs the provider two key fetches at most', async () => {
    const before = issuer.keyFetches;
    for (let batch = 0; batch < 20; batch += 1) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, async (_, index) =>
          request('GET', '/v1/me', {
            token: await issuer.token({ header: { kid: `unknown-${batch}-${index}` } }),
            gateway: replica.url,
          }),
        ),
      );
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]));
    }
    expect(issuer.keyFetches - before).toBeLessThanOrEqual(2);
  });

  const TokenError = z.object({ error: z.string() });
  it('to refresh with, used twice, ends the whole grant', async () => {
    const { tokens } = await newCustomer();
    const refresh = async (refreshToken: string): Promise<Answer> => {
      const response = await fetch(new URL('/token', authUrl), {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: refreshToken,
          client_id: 'rookery-cli',
        }),
      });
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    const first = tokens.refresh_token ?? '';
    const refreshed = await refresh(first);
    expect(refreshed.status).toBe(200);
    const second = read(z.object({ refresh_token: z.string() }), refreshed).refresh_token;
    for (const used of [first, second]) {
      const answer = await refresh(used);
      expect(answer.status).toBe(400);
      expect(read(TokenError, answer).error).toBe('invalid_grant');
    }
  });
});

describe('registrations', () => {
  it('are limited per address, which another X-Forwarded-For each time does not get around', async () => {
    const answers: Answer[] = [];
    for (let index = 0; index < REGISTRATIONS_PER_HOUR + 3; index += 1) {
      answers.push(
        await request('POST', '/v1/accounts', {
          body: { email: `${randomUUID()}@limited.example`, password: 'a long enough password', name: 'Limited' },
          headers: {
            'x-forwarded-for': `203.0.113.${index}`,
            forwarded: `for=203.0.113.${index}`,
            'x-real-ip': `203.0.113.${index}`,
          },
          gateway: replica.url,
        }),
      );
    }
    const expected = [...Array<number>(REGISTRATIONS_PER_HOUR).fill(201), 429, 429, 429];
    expect(answers.map(({ status }) => status)).toEqual(expected);
    for (const answer of answers.slice(REGISTRATIONS_PER_HOUR)) {
      expectProblem(answer, 429);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await databases.count('auth', 'users WHERE email LIKE $1', ['%@limited.example'])).toBe(
      REGISTRATIONS_PER_HOUR,
    );
  });
});
