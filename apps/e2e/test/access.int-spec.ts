import { randomUUID } from 'node:crypto';
import { MeView, type OrderView, type ProductView, Scopes } from '@rookery/contracts';
import { type DocumentedRoute, OidcIssuer, OpenApi, routesOf } from '@rookery/testing';
import { type Answer, type ApiClient, clientOf, problem, read, request } from '../src/client';
import { type Customer, newCustomer, scopesOf, subjectOf } from '../src/customer';
import { Databases } from '../src/databases';
import { type Replica, startReplica } from '../src/replica';
import { tokenOf } from '../src/tokens';

/** What a request is about: created afresh for each request that would change it. */
interface Subject {
  readonly product: ProductView;
  /** The owner's. */
  readonly order: OrderView;
  /** Nobody has it yet. */
  readonly name: string;
}

interface Sample {
  readonly path: (subject: Subject) => string;
  readonly body?: (subject: Subject) => unknown;
  readonly headers?: (subject: Subject) => Readonly<Record<string, string>>;
  /** Of a caller who may. */
  readonly status: number;
  /** Whose it is. `one`: a stranger gets the 404 of an unknown id. `list`: a stranger gets the list without it. */
  readonly owned?: 'one' | 'list';
  /** Needs an order made just now: an operator's first page is everybody's newest orders. */
  readonly fresh?: true;
  /** A part of `stored` that the request changes when it is let through. */
  readonly changes?: keyof Stored;
}

const productPath = ({ product }: Subject) => `/v1/products/${product.id}`;
const orderPath = ({ order }: Subject) => `/v1/orders/${order.id}`;
const ifMatch = ({ product }: Subject) => ({ 'if-match': `"${product.version}"` });

/** One request for each operation of the document, and who owns what it is about. */
const samples: Readonly<Record<string, Sample>> = {
  'Products.list': { path: () => '/v1/products?limit=5', status: 200 },
  'Products.get': { path: productPath, status: 200 },
  'Products.create': {
    path: () => '/v1/products',
    body: ({ name }) => ({ sku: `E2E-${name}`, name, price: { amountMinor: 1, currency: 'EUR' } }),
    status: 201,
    changes: 'productsOfThatName',
  },
  'Products.change': {
    path: productPath,
    body: ({ name }) => ({ name }),
    headers: ifMatch,
    status: 200,
    changes: 'product',
  },
  'Products.archive': { path: productPath, headers: ifMatch, status: 204, changes: 'product' },
  'Products.adjustStock': {
    path: (subject) => `${productPath(subject)}/stock-adjustments`,
    body: () => ({ delta: -1, reason: 'broken' }),
    status: 200,
    changes: 'product',
  },
  'Orders.place': {
    path: () => '/v1/orders',
    body: ({ product }) => ({ lines: [{ productId: product.id, quantity: 1 }], paymentToken: 'tok_ok' }),
    headers: ({ name }) => ({ 'idempotency-key': name }),
    status: 201,
    changes: 'ordersOfTheProduct',
  },
  'Orders.list': { path: () => '/v1/orders?limit=100', status: 200, owned: 'list', fresh: true },
  'Orders.get': { path: orderPath, status: 200, owned: 'one' },
  'Orders.timeline': { path: (subject) => `${orderPath(subject)}/timeline`, status: 200, owned: 'one' },
  'Orders.cancel': {
    path: (subject) => `${orderPath(subject)}/cancellations`,
    status: 202,
    owned: 'one',
    changes: 'cancellation',
  },
  'OrderStream.follow': {
    path: (subject) => `${orderPath(subject)}/events`,
    headers: () => ({ accept: 'text/event-stream' }),
    status: 200,
    owned: 'one',
  },
  'Payments.list': { path: ({ order }) => `/v1/payments?orderId=${order.id}`, status: 200, owned: 'list' },
  'Accounts.register': {
    path: () => '/v1/accounts',
    body: ({ name }) => ({ email: `${name}@access.example`, password: 'a long enough password', name }),
    status: 201,
    changes: 'accountsOfThatName',
  },
  'Me.me': { path: () => '/v1/me', status: 200 },
  'DeadLetters.list': { path: () => '/v1/ops/dead-letters?limit=5', status: 200 },
  // An operator gets 404 for it; dead-letters.int-spec.ts has real ones.
  'DeadLetters.show': { path: () => '/v1/ops/dead-letters/orders-999999999', status: 404 },
  'DeadLetters.replay': { path: () => '/v1/ops/dead-letters/payments-999999999/replays', status: 404 },
  'DeadLetters.discard': { path: () => '/v1/ops/dead-letters/products-999999999', status: 404 },
  'Reconciliations.reconcile': {
    path: () => '/v1/ops/reconciliations',
    body: () => ({ since: new Date().toISOString() }),
    status: 200,
  },
  'OrderTraces.show': { path: ({ order }) => `/v1/ops/orders/${order.id}`, status: 200 },
};

type CallerName =
  'anonymous' | 'other user' | 'owner' | 'operator' | 'wrong scope' | 'wrong audience' | 'another issuer' | 'expired';

/** Somebody who asks; `good` says whether the token is one that the gateway asked may believe. */
interface CallerToken {
  readonly token?: string;
  readonly good: boolean;
  readonly gateway?: string;
}

/** What the databases hold of a subject. */
interface Stored {
  readonly product: unknown;
  readonly productsOfThatName: number;
  readonly ordersOfTheProduct: number;
  readonly cancellation: number;
  readonly accountsOfThatName: number;
}

// The routes come from the running gateway, so that a new one cannot be forgotten.
const routes = routesOf(OpenApi.parse(JSON.parse((await request('GET', '/openapi.json')).text)));
const allScopes = Object.keys(Scopes);

const databases = new Databases();
let issuer: OidcIssuer;
/** Believes `issuer`, which makes tokens that are right but for one thing. */
let replica: Replica;
let owner: Customer;
let other: Customer;
let olga: ApiClient;
/** Confirmed: a live stream of it ends at once. */
let ended: Subject;

beforeAll(async () => {
  issuer = await OidcIssuer.start();
  [replica, owner, other, olga] = await Promise.all([
    startReplica('gateway', { OIDC_ISSUER: issuer.url }),
    newCustomer(),
    newCustomer(),
    tokenOf('olga').then((token) => clientOf(token)),
  ]);
  ended = await newSubject('tok_ok');
  await owner.ended(ended.order.id);
});

afterAll(async () => {
  await Promise.all([replica.stop(), issuer.close(), databases.close()]);
});

async function newSubject(paymentToken: string): Promise<Subject> {
  const product = await olga.addProduct();
  return { product, order: await owner.buy(product.id, 1, paymentToken), name: randomUUID() };
}

async function callerOf(name: CallerName, route: DocumentedRoute): Promise<CallerToken> {
  const forged = async (flaw: Parameters<OidcIssuer['token']>[0]): Promise<CallerToken> => ({
    // Such a token could do everything.
    token: await issuer.token({ subject: owner.subject, scopes: allScopes, roles: ['operator'], ...flaw }),
    good: false,
    gateway: replica.url,
  });
  switch (name) {
    case 'anonymous':
      return { good: false };
    case 'owner':
      return { token: owner.token, good: true };
    case 'other user':
      return { token: other.token, good: true };
    case 'operator':
      return { token: olga.token, good: true };
    case 'wrong scope':
      return { token: await tokenWithout(route.scopes ?? []), good: true };
    case 'wrong audience':
      return forged({ audience: 'another-api' });
    case 'another issuer':
      return forged({ issuer: 'https://issuer.example' });
    case 'expired':
      return forged({ expiresIn: -60 });
  }
}

/** An operator's token with every scope but these. */
async function tokenWithout(scopes: readonly string[]): Promise<string> {
  const token = await tokenOf('olga', ['openid', ...allScopes.filter((scope) => !scopes.includes(scope))].join(' '));
  expect(scopesOf(token).filter((scope) => scopes.includes(scope))).toEqual([]);
  expect(subjectOf(token)).toBe(subjectOf(olga.token));
  return token;
}

function sampleOf(route: DocumentedRoute): Sample {
  const sample = samples[route.id];
  if (sample === undefined) {
    throw new Error(`${route.id} has no sample request: add one to this spec`);
  }
  return sample;
}

const ask = (route: DocumentedRoute, subject: Subject, caller: CallerToken): Promise<Answer> => {
  const { path, body, headers } = sampleOf(route);
  return request(route.method, path(subject), {
    ...(caller.token !== undefined && { token: caller.token }),
    ...(body !== undefined && { body: body(subject) }),
    gateway: caller.gateway,
    headers: { 'x-correlation-id': 'one-and-the-same', ...headers?.(subject) },
  });
};

/** By the document's `security` and the ownership in the samples; nothing else may decide. */
function expectedStatus(route: DocumentedRoute, name: CallerName, caller: CallerToken): 401 | 403 | 404 | 'success' {
  if (route.scopes === undefined) {
    return 'success';
  }
  if (!caller.good || caller.token === undefined) {
    return 401;
  }
  const granted = scopesOf(caller.token);
  if (route.scopes.some((scope) => !granted.includes(scope))) {
    return 403;
  }
  return name === 'other user' && sampleOf(route).owned === 'one' ? 404 : 'success';
}

async function stored({ product, order, name }: Subject): Promise<Stored> {
  return {
    product: await databases.rows(
      'products',
      `SELECT version, name, archived_at, adjusted, initial FROM products JOIN stock ON product_id = id WHERE id = $1`,
      [product.id],
    ),
    productsOfThatName: await databases.count('products', 'products WHERE name = $1', [name]),
    ordersOfTheProduct: await databases.count('orders', `orders WHERE lines @> $1`, [
      JSON.stringify([{ productId: product.id }]),
    ]),
    cancellation: await databases.count('orders', `orders WHERE id = $1 AND reason LIKE '%-request'`, [order.id]),
    accountsOfThatName: await databases.count('auth', 'users WHERE name = $1', [name]),
  };
}

it('has a sample request for each documented route, and no other', () => {
  expect(routes.map(({ id }) => id).toSorted()).toEqual(Object.keys(samples).toSorted());
});

it('believes a token of the issuer that makes the wrong ones', async () => {
  const answer = await request('GET', '/v1/me', {
    token: await issuer.token({ subject: 'somebody' }),
    gateway: replica.url,
  });
  expect(answer.status).toBe(200);
  expect(read(MeView, answer).subject).toBe('somebody');
});

describe.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))('%s', (_name, route) => {
  it.each<CallerName>([
    'anonymous',
    'other user',
    'owner',
    'operator',
    'wrong scope',
    'wrong audience',
    'another issuer',
    'expired',
  ])('treats as it should: %s', async (name) => {
    const { changes, fresh, owned, status } = sampleOf(route);
    const subject = changes === undefined && fresh === undefined ? ended : await newSubject('tok_slow');
    const caller = await callerOf(name, route);
    const before = await stored(subject);
    const answer = await ask(route, subject, caller);
    const after = await stored(subject);

    const expected = expectedStatus(route, name, caller);
    if (expected === 'success') {
      expect(answer).toMatchObject({ status });
      if (changes !== undefined) {
        expect(after[changes]).not.toEqual(before[changes]);
      }
      if (owned === 'list') {
        expect(answer.text.includes(subject.order.id)).toBe(name !== 'other user');
      }
      return;
    }
    expect(answer).toMatchObject({ status: expected });
    expect(after).toEqual(before);
    const { code } = problem(answer);
    switch (expected) {
      case 401:
        expect(code).toBe(name === 'anonymous' ? 'auth.missing-token' : 'auth.invalid-token');
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm=/);
        return;
      case 403:
        expect(code).toBe('auth.insufficient-scope');
        expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
        return;
      case 404: {
        const unknown = randomUUID();
        const same = await ask(route, { ...subject, order: { ...subject.order, id: unknown } }, caller);
        expect(answer.text.replaceAll(subject.order.id, unknown)).toBe(same.text);
      }
    }
  });
});

describe('what anybody may have', () => {
  it.each(['/livez', '/readyz', '/health', '/metrics', '/openapi.json', '/asyncapi.json', '/docs'])(
    '%s asks nobody for a token, not even a bad one',
    async (path) => {
      const headers = { accept: '*/*' };
      expect((await request('GET', path, { headers })).status).toBe(200);
      expect((await request('GET', path, { headers, token: 'nonsense' })).status).toBe(200);
    },
  );
});
