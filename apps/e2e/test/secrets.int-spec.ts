import { randomUUID } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { z } from 'zod';
import { DeadLetterPage, OrderView, PaymentCaptured, Services } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { read, request, type RequestOptions } from '@rookery/devkit/client/request';
import { Browser, demoPassword, signIn, Tokens } from '@rookery/devkit/client/sign-in';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { eventHeaders } from '@rookery/devkit/stack/planted-events';
import { brokerLogin } from '@rookery/messaging';
import { eventually } from '@rookery/testing';
import { everythingWritten, leaksIn } from '../src/leaks';
import { type Exchange, secretsIn, Traffic } from '../src/traffic';

const CARD_TOKENS = [
  'tok_ok',
  'tok_declined',
  'tok_insufficient_funds',
  'tok_timeout_then_ok',
  'tok_slow',
  'tok_error',
] as const;
const SCOPE = 'openid offline_access orders:read orders:write catalog:write ops:read ops:write';
/** The demo's machine client: its secret is a default that everybody knows, and a client secret all the same. */
const MACHINE = `Basic ${Buffer.from('rookery-machine:machine-demo-secret').toString('base64')}`;
/** What the settings are called that hold secrets; tools/release/secret-settings.spec.ts sees to it. */
const SECRET_SETTING = /PASSWORD|SECRET|SEED|_KEYS?$|^DATABASE_URL$/;
const APPS = ['gateway', ...Services] as const;

let stack: TestStack;
let traffic: Traffic;
let customer: { readonly email: string; readonly password: string };

/** As talkative as can be: what is logged at no other level is searched too. */
beforeAll(async () => {
  const talkative = { LOG_LEVEL: 'trace' };
  stack = await startTestStack({
    account: 'E8',
    extra: { gateway: talkative, auth: talkative, products: talkative, orders: talkative, payments: talkative },
  });
  traffic = Traffic.record();
  customer = { email: `${randomUUID()}@customers.example`, password: `pass ${randomUUID()}` };
}, 120_000);
afterAll(async () => {
  traffic.stop();
  await stack.stop();
});

const ask = (method: string, path: string, options: Omit<RequestOptions, 'gateway'> = {}) =>
  request(method, path, { ...options, gateway: stack.gatewayUrl });

const form = (path: string, fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${stack.authUrl}${path}`, { method: 'POST', body: new URLSearchParams(fields), headers });

async function place(token: string, paymentToken: string, productId: string, headers: Record<string, string> = {}) {
  const key = headers['idempotency-key'] ?? randomUUID();
  return ask('POST', '/v1/orders', {
    token,
    body: { lines: [{ productId, quantity: 1 }], paymentToken },
    headers: { ...headers, 'idempotency-key': key },
  });
}

const ended = (token: string, id: string) => new ApiClient(stack.gatewayUrl, token).ended(id, 40_000);

/** An event that payments never made, for the dead letters of orders. */
async function poison(correlationId: string): Promise<void> {
  const { url, seeds } = stack.infrastructure.broker;
  const admin = await connect({ servers: url, ...brokerLogin({ nkeySeed: seeds.admin }) });
  const headers = eventHeaders(PaymentCaptured, { 'x-correlation-id': correlationId });
  try {
    await jetstream(admin).publish(PaymentCaptured.subject, '{"orderId":1}', { headers });
  } finally {
    await admin.close();
  }
}

const letters = async (token: string, count: number) =>
  eventually(async () => {
    const { items } = read(DeadLetterPage, await ask('GET', '/v1/ops/dead-letters?consumer=orders', { token }));
    expect(items).toHaveLength(count);
    return items;
  });

const addProduct = async (token: string, name: string): Promise<string> =>
  (await new ApiClient(stack.gatewayUrl, token).addProduct({ name, stock: 50 })).id;

/** Everything that people, machines and operators do, right and wrong. */
async function wholeRun(): Promise<void> {
  const issuer = stack.authUrl;
  const { email, password } = customer;
  expect((await ask('POST', '/v1/accounts', { body: { ...customer, name: 'A customer' } })).status).toBe(201);
  for (const wrong of [{ password: 'password' }, { password, email: 'no address' }, { password, secret: password }]) {
    const answer = await ask('POST', '/v1/accounts', { body: { ...customer, name: 'A customer', ...wrong } });
    expect([wrong, answer.status]).toEqual([wrong, 400]);
  }
  expect((await ask('POST', '/v1/accounts', { body: { ...customer, name: 'Again' } })).status).toBe(409);
  expect((await ask('POST', '/v1/accounts', { body: `{"email":"${email}","password":"${password}"` })).status).toBe(
    400,
  );

  await expect(signIn({ issuer, login: email, password: `wrong ${randomUUID()}` })).rejects.toThrow('was refused');
  const tokens = await signIn({ issuer, login: email, password, scope: SCOPE });
  const olga = (await signIn({ issuer, login: 'olga', password: demoPassword('olga'), scope: SCOPE })).access_token;

  await refreshing(tokens);
  await connectingADevice();
  await machine(tokens.access_token);
  const token = (await signIn({ issuer, login: email, password, scope: SCOPE })).access_token;
  const productId = await addProduct(olga, 'A product');
  await buying(token, productId);
  await operating(olga);
  await refusals(token, productId);
  for (const app of APPS) {
    for (const path of ['/readyz', '/metrics']) {
      await fetch(`http://127.0.0.1:${stack.envs[app]['PORT']}${path}`);
    }
  }
}

async function refreshing({ refresh_token: first = '', id_token: idToken = '' }: Tokens): Promise<void> {
  const refresh = (token: string) =>
    form('/token', { grant_type: 'refresh_token', client_id: 'rookery-cli', refresh_token: token });
  const second = Tokens.parse(await (await refresh(first)).json());
  expect((await refresh(first)).status).toBe(400);
  expect((await refresh(second.refresh_token ?? '')).status).toBe(400);
  await fetch(`${stack.authUrl}/session/end?${new URLSearchParams({ id_token_hint: idToken }).toString()}`);
}

async function connectingADevice(): Promise<void> {
  const Device = z.object({ device_code: z.string(), verification_uri_complete: z.url() });
  const begun = await form('/device/auth', { client_id: 'rookery-cli', scope: 'openid offline_access orders:read' });
  const device = Device.parse(await begun.json());
  const user = { login: customer.email, password: customer.password };
  const visit = new Browser().follow(new URL(device.verification_uri_complete), 'none:', user);
  await expect(visit).rejects.toThrow('Device connected');
  const grant = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'rookery-cli' };
  const answer = await form('/token', { ...grant, device_code: device.device_code });
  expect(answer.status).toBe(200);
}

async function machine(token: string): Promise<void> {
  const authorization = { authorization: MACHINE };
  const grant = { grant_type: 'client_credentials', scope: 'orders:read' };
  expect((await form('/token', grant, authorization)).status).toBe(200);
  const posted = { ...grant, client_id: 'rookery-machine', client_secret: `wrong ${randomUUID()}` };
  expect((await form('/token', posted)).status).toBe(401);
  for (const path of ['/token/introspection', '/token/revocation']) {
    expect((await form(path, { token }, authorization)).status).toBe(200);
  }
}

async function buying(token: string, productId: string): Promise<void> {
  const ids: string[] = [];
  for (const paymentToken of CARD_TOKENS) {
    const key = randomUUID();
    const answer = await place(token, paymentToken, productId, { 'idempotency-key': key });
    expect(answer.status).toBe(201);
    expect((await place(token, paymentToken, productId, { 'idempotency-key': key })).text).toBe(answer.text);
    ids.push(read(OrderView, answer).id);
  }
  await ask('POST', `/v1/orders/${ids[4] ?? ''}/cancellations`, { token });
  const statuses = await Promise.all(ids.map(async (id) => (await ended(token, id)).status));
  expect(new Set(statuses)).toEqual(new Set(['Confirmed', 'Canceled']));
  for (const id of ids) {
    for (const path of [`/v1/orders/${id}/timeline`, `/v1/orders/${id}/events`, `/v1/payments?orderId=${id}`]) {
      expect((await ask('GET', path, { token })).status).toBe(200);
    }
  }
  await ask('GET', '/v1/orders', { token });
  await ask('GET', '/v1/me', { token });
}

async function operating(olga: string): Promise<void> {
  await poison(randomUUID());
  const [letter] = await letters(olga, 1);
  const path = `/v1/ops/dead-letters/${letter?.id ?? ''}`;
  expect((await ask('GET', path, { token: olga })).status).toBe(200);
  await ask('POST', `${path}/replays`, { token: olga });
  const orders = read(z.object({ items: z.array(OrderView) }), await ask('GET', '/v1/orders', { token: olga })).items;
  for (const { id } of orders) {
    expect((await ask('GET', `/v1/ops/orders/${id}`, { token: olga })).status).toBe(200);
  }
  const since = new Date(Date.now() - 3_600_000).toISOString();
  expect((await ask('POST', '/v1/ops/reconciliations', { token: olga, body: { since } })).status).toBe(200);
}

/** What is wrong is where secrets get into messages. */
async function refusals(token: string, productId: string): Promise<void> {
  const [head = '', payload = ''] = token.split('.');
  const forged = `${head}.${payload}.${'A'.repeat(86)}`;
  expect((await ask('GET', '/v1/me', { token: forged })).status).toBe(401);
  expect((await ask('GET', `/v1/me?access_token=${token}`)).status).toBe(401);
  expect((await ask('GET', `/v1/products?q=x&token=${token}`)).status).toBe(400);
  expect((await ask('GET', `/v1/orders/${token}`, { token })).status).toBe(414);
  expect((await ask('GET', `/${token}`, { token })).status).toBe(404);
  expect((await ask('GET', '/v1/orders', { token, headers: { accept: `text/${'x'.repeat(10)}` } })).status).toBe(406);
  for (const body of [
    { lines: [{ productId, quantity: 0 }], paymentToken: 'tok_ok' },
    { lines: [{ productId, quantity: 1 }], paymentToken: 'tok_OK' },
    { lines: [{ productId, quantity: 1 }], paymentToken: ['tok_ok'], password: customer.password },
    `{"lines":[],"paymentToken":"tok_ok"`,
  ]) {
    const answer = await ask('POST', '/v1/orders', { token, body, headers: { 'idempotency-key': randomUUID() } });
    expect(answer.status).toBe(400);
  }
  const cookies = { cookie: `session=${randomUUID()}; session.sig=${randomUUID()}` };
  await fetch(`${stack.authUrl}/auth?client_id=${token}`, { headers: cookies });
  await form('/token', { grant_type: 'authorization_code', client_id: 'rookery-cli', code: randomUUID() });
  await form('/token', { grant_type: 'password', username: customer.email, password: customer.password });
}

/** What the stack was started with and must keep to itself. */
function ownSecrets(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const add = (what: string, text: string): void => {
    found.set(text, what);
  };
  for (const app of APPS) {
    for (const [name, value] of Object.entries(stack.envs[app])) {
      if (!SECRET_SETTING.test(name)) {
        continue;
      }
      add(name, value);
      if (name === 'DATABASE_URL') {
        add('password of a database', new URL(value).password);
      }
      if (name === 'INTERNAL_SIGNING_KEY') {
        add('private key', z.object({ d: z.string() }).parse(JSON.parse(value)).d);
      }
      if (name === 'COOKIE_KEYS') {
        for (const key of value.split(',')) {
          add('cookie key', key);
        }
      }
    }
  }
  add('key of the broker’s admin', stack.infrastructure.broker.seeds.admin);
  return found;
}

const whereOf = ({ method, url, status }: Exchange): string =>
  `${method} ${new URL(url).pathname.replaceAll(/[\w.-]{20,}/g, '…')} ${status}`;

/** The answers of auth that hand a secret to whom it belongs: all others must not hold any. */
function handsOut({ url, status, headers }: Exchange): boolean {
  const { origin, pathname } = new URL(url);
  if (origin !== stack.authUrl) {
    return false;
  }
  return (pathname === '/token' && status === 200) || pathname === '/device/auth' || headers.has('location');
}

it('a whole run leaves no secret, password, token or card token in logs, rows, events and answers', async () => {
  await wholeRun();
  const exchanges = await traffic.exchanges();
  const wire = new Map(exchanges.flatMap((exchange) => [...secretsIn(exchange)]));
  // The demo tells everybody how olga signs in.
  wire.delete(demoPassword('olga'));
  // The search is worth something only if there is something of each kind to find.
  expect(new Set(wire.values())).toEqual(
    new Set([
      ...['access_token', 'refresh_token', 'id_token', 'code', 'code_verifier', 'client_secret', 'device_code'],
      ...['password', 'token', 'cookie', 'signature of access_token', 'signature of id_token', 'signature of token'],
    ]),
  );
  const own = ownSecrets();
  expect(own.size).toBeGreaterThan(15);

  const written = await everythingWritten(stack);
  expect(leaksIn(written, new Map([...wire, ...own]))).toEqual([]);

  // A problem repeats the address that it was asked at, to whom asked.
  const answers = exchanges.map((exchange) => ({
    where: whereOf(exchange),
    text: handsOut(exchange) ? '' : exchange.body.replaceAll(new URL(exchange.url).pathname, ''),
  }));
  expect(leaksIn(answers, new Map([...wire, ...own]))).toEqual([]);
  const handedOut = exchanges.filter(handsOut).map((exchange) => ({ where: whereOf(exchange), text: exchange.body }));
  const neverGivenBack = [...wire].filter(([, what]) => ['password', 'client_secret', 'code_verifier'].includes(what));
  expect(leaksIn(handedOut, new Map([...neverGivenBack, ...own])).filter((leak) => !leak.endsWith('a JWT'))).toEqual(
    [],
  );
}, 180_000);

it('a secret that somebody lets slip is found wherever it went', async () => {
  const { email, password } = customer;
  // A correlation id goes everywhere. A customer who takes his password for one has himself to blame.
  const slip = { 'x-correlation-id': password.replace(' ', '-') };
  const secrets = new Map([[slip['x-correlation-id'], 'password']]);
  const { access_token: token } = await signIn({ issuer: stack.authUrl, login: email, password, scope: SCOPE });
  const { access_token: olga } = await signIn({
    issuer: stack.authUrl,
    login: 'olga',
    password: demoPassword('olga'),
    scope: SCOPE,
  });
  const productId = await addProduct(olga, `tok_ok ${token.split('.', 1).join()}.eyJzdWIiOiJub2JvZHkifQ.`);
  const { id } = read(OrderView, await place(token, 'tok_ok', productId, slip));
  expect(await ended(token, id)).toMatchObject({ status: 'Confirmed' });
  await ask('POST', '/v1/accounts', { body: { ...customer, name: 'Again' }, headers: slip });
  await poison(slip['x-correlation-id']);
  await letters(olga, 2);

  await eventually(async () => {
    const leaks = leaksIn(await everythingWritten(stack), secrets);
    expect(leaks).toEqual(
      expect.arrayContaining([
        ...['gateway', 'auth', 'products', 'orders', 'payments'].map((app) => `log of ${app}: password`),
        ...['orders', 'payments', 'products'].map((service) => `${service}: outbox: password`),
        ...['ORDERS', 'PAYMENTS', 'PRODUCTS', 'DLQ_ORDERS'].map((stream) => `stream ${stream}: password`),
        'products: products: a card token',
        'products: products: a JWT',
      ]),
    );
  });
}, 60_000);
