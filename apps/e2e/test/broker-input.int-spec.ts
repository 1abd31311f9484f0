import { randomUUID } from 'node:crypto';
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as newHeaders, type Msg, type NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import {
  DeadLetterConsumers,
  type EventContract,
  eventContracts,
  Headers,
  PaymentReserved,
  Problem,
  type RpcContract,
  rpcContracts,
  rpcEdges,
  SagaServices,
  Services,
} from '@rookery/contracts';
import {
  brokerLogin,
  DeadLetterHeaders,
  deadLetterStreamOf,
  deadLetterSubject,
  inboxPrefixOf,
  jetstreamInboxPrefixOf,
  streamDefinitions,
} from '@rookery/messaging';
import { newTraceparent, uuidv7 } from '@rookery/platform';
import { eventually } from '@rookery/testing';
import { clientOf, request } from '../src/client';
import { type Customer, newCustomer } from '../src/customer';
import { Databases } from '../src/databases';
import { settingsOf } from '../src/replica';
import { tokenOf } from '../src/tokens';

const Seeds = z.looseObject({ admin: z.string() });
const environment = z
  .object({ E2E_NATS_URL: z.url(), E2E_NATS_SEEDS: z.string().transform((text) => Seeds.parse(JSON.parse(text))) })
  .parse(process.env);

/** Whose name every request of this spec comes in: what is stored of it is a fault. */
const MALLORY = `mallory-${randomUUID()}`;
const actor = {
  subject: MALLORY,
  issuer: 'http://localhost:3001',
  clientId: null,
  scopes: ['catalog:write', 'orders:read', 'orders:write', 'ops:read', 'ops:write'],
  roles: ['operator'],
};

/** Bodies that each request would take; ids lead nowhere. */
const bodies: Readonly<Record<string, unknown>> = {
  'rpc.auth.register': { email: `${MALLORY}@broker.example`, password: 'a long enough password', name: MALLORY },
  'rpc.products.list': { sort: 'name', limit: 1 },
  'rpc.products.get': { id: uuidv7() },
  'rpc.products.quote': { productIds: [uuidv7()] },
  'rpc.products.create': { sku: MALLORY, name: MALLORY, price: { amountMinor: 1, currency: 'EUR' }, stock: 1 },
  'rpc.products.change': { id: uuidv7(), ifMatch: null, change: { name: MALLORY } },
  'rpc.products.archive': { id: uuidv7(), ifMatch: null },
  'rpc.products.adjust-stock': { id: uuidv7(), adjustment: { delta: 1, reason: MALLORY } },
  'rpc.orders.place': { lines: [{ productId: uuidv7(), quantity: 1 }], paymentToken: 'tok_ok' },
  'rpc.orders.list': { limit: 1 },
  'rpc.orders.get': { id: uuidv7() },
  'rpc.orders.timeline': { id: uuidv7() },
  'rpc.orders.cancel': { id: uuidv7() },
  'rpc.payments.list': { orderId: uuidv7() },
  'rpc.orders.reconcile': { since: new Date().toISOString() },
  'rpc.payments.list-settlements': { after: uuidv7(), upTo: uuidv7(), limit: 1 },
  'rpc.products.list-settlements': { after: uuidv7(), upTo: uuidv7(), limit: 1 },
  'rpc.products.check-stock': { limit: 1 },
  ...Object.fromEntries(
    DeadLetterConsumers.flatMap((consumer): [string, unknown][] => [
      [`rpc.${consumer}.list-dead-letters`, { after: 0, limit: 1 }],
      [`rpc.${consumer}.show-dead-letter`, { id: `${consumer}-999999999` }],
      [`rpc.${consumer}.replay-dead-letter`, { id: `${consumer}-999999999` }],
      [`rpc.${consumer}.discard-dead-letter`, { id: `${consumer}-999999999` }],
    ]),
  ),
  ...Object.fromEntries(SagaServices.map((service) => [`rpc.${service}.trace-order`, { id: uuidv7(), eventIds: [] }])),
};

/** The services that handle it in this stack, where no mails are sent. */
const handlersOf = ({ handledBy }: EventContract) => handledBy.filter((service) => service !== 'auth');

const Reply = z.object({ id: z.string(), err: Problem.optional(), response: z.unknown().optional() });
const Jwk = z.looseObject({ kty: z.string(), kid: z.string() });

const databases = new Databases();
const settings = settingsOf('gateway');
let gateway: NatsConnection;
let admin: NatsConnection;
let signingKey: JWK;
let ordersKey: JWK;
let alice: Customer;
let productId: string;

beforeAll(async () => {
  signingKey = Jwk.parse(JSON.parse(settings['INTERNAL_SIGNING_KEY'] ?? ''));
  ordersKey = Jwk.parse(JSON.parse(settingsOf('orders')['INTERNAL_SIGNING_KEY'] ?? ''));
  [gateway, admin, alice, { id: productId }] = await Promise.all([
    connect({
      servers: environment.E2E_NATS_URL,
      ...brokerLogin({ nkeySeed: settings['NATS_NKEY_SEED'] ?? '' }),
      inboxPrefix: inboxPrefixOf('gateway'),
    }),
    connect({
      servers: environment.E2E_NATS_URL,
      ...brokerLogin({ nkeySeed: environment.E2E_NATS_SEEDS.admin }),
    }),
    newCustomer(),
    tokenOf('olga').then((token) => clientOf(token).addProduct({ stock: 1_000 })),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.close(), admin.close(), databases.close()]);
});

/** A token for requests to `audience`, as the gateway makes them by default. */
async function internalToken(
  audience: string,
  { key = signingKey, claims = {}, header = {}, expiresIn = 60, issuedAgo = 0 }: TokenFlaw = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ iss: 'gateway', aud: audience, actor, iat: now - issuedAgo, exp: now + expiresIn, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'rookery-internal+jwt', kid: 'gateway', ...header })
    .sign(await importJWK(key, 'ES256'));
}

interface TokenFlaw {
  readonly key?: JWK;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, unknown>>;
  readonly expiresIn?: number;
  readonly issuedAgo?: number;
}

/** Sends bytes as they are and answers the reply's Problem; undefined when the request was let through. */
async function problemOf(
  subject: string,
  payload: string | Uint8Array,
  { token, ...extra }: { readonly token?: string } & Readonly<Record<string, string | undefined>> = {},
): Promise<Problem | undefined> {
  const headers = newHeaders();
  if (token !== undefined) {
    headers.set(Headers.authorization, token);
  }
  for (const [name, value] of Object.entries(extra)) {
    if (value !== undefined) {
      headers.set(name, value);
    }
  }
  const reply: Msg = await gateway.request(subject, payload, { timeout: 5_000, headers });
  const { err } = Reply.parse(JSON.parse(reply.string()));
  if (err !== undefined) {
    expect(JSON.stringify(err)).not.toMatch(/\bat .+:\d+:\d+|SELECT |INSERT |QueryFailed|jose|JWS/);
  }
  return err;
}

const packet = (contract: RpcContract, change: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ pattern: contract.subject, data: bodies[contract.subject], id: uuidv7(), ...change });

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

/** Everything that a refused message could have left behind. */
async function stored(): Promise<unknown> {
  return {
    accounts: await databases.count('auth', 'users WHERE name = $1', [MALLORY]),
    products: await databases.count('products', 'products WHERE sku = $1 OR name = $1', [MALLORY]),
    orders: await databases.count('orders', 'orders WHERE customer_id = $1', [MALLORY]),
    keys: await databases.count('orders', 'idempotency_key WHERE subject = $1', [MALLORY]),
  };
}
/** Where each stream ends. */
async function positions(): Promise<ReadonlyMap<string, number>> {
  const manager = await jetstreamManager(admin);
  return new Map(
    await Promise.all(
      streamDefinitions.map(async ({ name }) => [name, (await manager.streams.info(name)).state.last_seq] as const),
    ),
  );
}

/** What came into the streams since then and is no event: other specs go on placing orders on the same stack. */
async function strangersSince(before: ReadonlyMap<string, number>): Promise<readonly string[]> {
  const manager = await jetstreamManager(admin);
  const found: string[] = [];
  for (const [name, last] of await positions()) {
    for (let seq = (before.get(name) ?? 0) + 1; seq <= last; seq += 1) {
      const message = await manager.streams.getMessage(name, { seq });
      if (message !== null && !message.header.has('ce-id') && !message.header.has(DeadLetterHeaders.reason)) {
        found.push(`${name} ${seq}: ${message.string()}`);
      }
    }
  }
  return found;
}

const nothing = { accounts: 0, products: 0, orders: 0, keys: 0 };

async function everyServiceIsReady(): Promise<void> {
  for (const app of ['gateway', ...Services] as const) {
    const response = await fetch(`http://127.0.0.1:${settingsOf(app)['PORT']}/readyz`);
    expect([app, response.status]).toEqual([app, 200]);
  }
}

/** What a customer feels of it all. */
async function expectPromptConfirmation(): Promise<void> {
  const order = await alice.buy(productId, 1);
  expect(await alice.ended(order.id, 5_000)).toMatchObject({ status: 'Confirmed' });
}

afterEach(async () => {
  expect(await stored()).toEqual(nothing);
  await everyServiceIsReady();
});

it('knows a body for each request of the catalog', () => {
  expect(Object.keys(bodies).toSorted()).toEqual(rpcContracts.map(({ subject }) => subject).toSorted());
});

describe.each(rpcContracts.map((contract) => [contract.subject, contract] as const))('%s', (subject, contract) => {
  const { service } = contract;

  it('refuses a malformed request packet', async () => {
    const token = await internalToken(service);
    const malformed: readonly (readonly [string, string | Uint8Array])[] = [
      ['nothing', ''],
      ['no JSON', '{'],
      ['bytes that are not UTF-8', Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d])],
      ['null', 'null'],
      ['a list', '[]'],
      ['a text', '"packet"'],
      ['no id', packet(contract, { id: undefined })],
      ['an empty id', packet(contract, { id: '' })],
      ['an id that is a number', packet(contract, { id: 1 })],
      ['an id of a megabyte', packet(contract, { id: 'x'.repeat(900_000) })],
      ['no pattern', packet(contract, { pattern: undefined })],
      ['the pattern of another request', packet(contract, { pattern: 'rpc.orders.place-all' })],
      ['a pattern that is an object', packet(contract, { pattern: { cmd: subject } })],
      ['10,000 nested arrays', `{"pattern":"${subject}","id":"${uuidv7()}","data":${nested(10_000)}}`],
      ['300,000 nested arrays', `{"pattern":"${subject}","id":"${uuidv7()}","data":${nested(300_000)}}`],
      ['300,000 open arrays', '['.repeat(300_000)],
    ];
    for (const [what, payload] of malformed) {
      expect([what, await problemOf(subject, payload, { token })]).toMatchObject([what, { status: 400 }]);
    }
    const odd = await problemOf(subject, packet(contract), { token, [Headers.timeLeft]: 'tomorrow' });
    expect(odd?.status).toBe(400);
    const late = await problemOf(subject, packet(contract), { token, [Headers.timeLeft]: '0' });
    expect(late?.status).toBe(504);
  });

  it('refuses data that its contract does not describe', async () => {
    const token = await internalToken(service);
    const key = { token, [Headers.idempotencyKey]: randomUUID() };
    for (const data of [
      undefined,
      null,
      1,
      'x',
      [],
      {},
      { surprise: 1 },
      'x'.repeat(500_000),
      JSON.parse('{"__proto__":{"id":1}}'),
      { id: "' OR 1=1", orderId: "' OR 1=1", productIds: ["'"], sku: "'", lines: "'" },
      { id: '\u0000', orderId: '\u0000', name: '\u0000', email: '\u0000' },
    ] as const) {
      // A list has nothing that must be given.
      const refused = await problemOf(subject, packet(contract, { data }), key);
      expect(refused).toMatchObject({ status: 400 });
    }
    expect(
      await problemOf(subject, packet(contract, { data: { ...bodiesOf(contract), surprise: 1 } }), key),
    ).toMatchObject({
      status: 400,
    });
  });

  it('does nothing for a caller that names no reply subject', async () => {
    const headers = newHeaders();
    headers.set(Headers.authorization, await internalToken(service));
    headers.set(Headers.idempotencyKey, randomUUID());
    gateway.publish(subject, packet(contract), { headers });
    gateway.publish(subject, packet(contract, { id: undefined }), { headers });
    gateway.publish(subject, '{');
    await gateway.flush();
    // Handled in the order of arrival, so what was sent before has had its turn when this is answered.
    expect(await problemOf(subject, '{')).toMatchObject({ status: 400 });
  });

  it('runs nothing for a request whose answer would go anywhere but to an inbox of a caller', async () => {
    const before = await positions();
    const headers = newHeaders();
    headers.set(Headers.authorization, await internalToken(service));
    headers.set(Headers.idempotencyKey, randomUUID());
    const replies = [
      PaymentReserved.subject,
      'dlq.orders.x',
      '$JS.API.STREAM.PURGE.PAYMENTS',
      `${inboxPrefixOf(service)}.x`,
      `${jetstreamInboxPrefixOf('orders')}.x`,
    ];
    for (const reply of replies) {
      gateway.publish(subject, packet(contract), { headers, reply });
      gateway.publish(subject, '{', { reply });
    }
    await gateway.flush();
    expect(await problemOf(subject, '{')).toMatchObject({ status: 400 });
    expect(await strangersSince(before)).toEqual([]);
  });

  it('refuses every caller whom the context map does not let call the service', async () => {
    const callers = (['orders', 'auth', 'products', 'payments'] as const).filter(
      (caller) => !rpcEdges[caller].includes(service),
    );
    for (const caller of callers) {
      // Orders has a key that every service knows, and signs with it; the others have none.
      const key = caller === 'orders' ? ordersKey : signingKey;
      const token = await internalToken(service, { key, claims: { iss: caller }, header: { kid: caller } });
      const refused = await problemOf(subject, packet(contract), { token, [Headers.idempotencyKey]: randomUUID() });
      expect([caller, refused?.status, refused?.code]).toEqual([caller, 401, 'auth.invalid-internal-token']);
    }
    if (rpcEdges.orders.includes(service)) {
      // The same token is good where there is an edge, so it is the edge that decides.
      const token = await internalToken(service, {
        key: ordersKey,
        claims: { iss: 'orders' },
        header: { kid: 'orders' },
      });
      expect(await problemOf(subject, '{}', { token })).toMatchObject({ status: 400 });
    }
  });

  it('refuses a request without a token of the gateway', async () => {
    const other = await generateKeyPair('ES256', { extractable: true });
    const forged = await exportJWK(other.privateKey);
    const otherService = Services.find((name) => name !== service) ?? 'auth';
    const flawed: readonly (readonly [string, string | undefined])[] = [
      ['no token', undefined],
      ['nonsense', 'nonsense'],
      [
        'alg none',
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{}').toString('base64url')}.`,
      ],
      ['signed by another key', await internalToken(service, { key: forged })],
      [
        'that brings its own key',
        await internalToken(service, { key: forged, header: { jwk: await exportJWK(other.publicKey) } }),
      ],
      ['for another service', await internalToken(otherService)],
      ['that has expired', await internalToken(service, { expiresIn: -60, issuedAgo: 120 })],
      ['that is too old', await internalToken(service, { issuedAgo: 3_600 })],
      ['without exp', await internalToken(service, { claims: { exp: undefined } })],
      ['in another’s name', await internalToken(service, { claims: { iss: 'orders' } })],
      ['in nobody’s name', await internalToken(service, { claims: { iss: 'mallory' } })],
      ['of another type', await internalToken(service, { header: { typ: 'at+jwt' } })],
      ['a customer’s own', alice.token],
    ];
    for (const [what, token] of flawed) {
      const refused = await problemOf(subject, packet(contract), { token, [Headers.idempotencyKey]: randomUUID() });
      expect([what, refused?.status]).toEqual([what, 401]);
    }
  });

  if (contract.scopes.length === 0) {
    return;
  }

  it('refuses an actor without its scopes, and nobody', async () => {
    const others = actor.scopes.filter((scope) => !contract.scopes.some((needed) => needed === scope));
    for (const claims of [
      { actor: undefined },
      { actor: { ...actor, scopes: [] } },
      { actor: { ...actor, scopes: others } },
    ]) {
      const token = await internalToken(service, { claims });
      const refused = await problemOf(subject, packet(contract), { token, [Headers.idempotencyKey]: randomUUID() });
      expect(refused).toMatchObject({ status: 403, code: 'auth.insufficient-scope' });
    }
  });
});

/** The body as an object. */
const bodiesOf = (contract: RpcContract): object => z.looseObject({}).parse(bodies[contract.subject]);

describe('poison in a stream', () => {
  const attributes = (contract: EventContract): Readonly<Record<string, string>> => ({
    'ce-id': uuidv7(),
    'ce-type': `rookery.${contract.name}.v${contract.version}`,
    'ce-source': contract.producer,
    'ce-subject': uuidv7(),
    'ce-time': new Date().toISOString(),
    'ce-specversion': '1.0',
    'ce-sequence': '1',
    'content-type': 'application/json',
    traceparent: newTraceparent(),
    [Headers.correlationId]: MALLORY,
  });

  interface Poison {
    readonly payload: string;
    readonly headers?: Readonly<Record<string, string | undefined>>;
    readonly reason: string;
  }
  const poisons = (contract: EventContract): Readonly<Record<string, Poison>> => ({
    'no JSON': { payload: '{', reason: 'bad-json' },
    nothing: { payload: '', reason: 'bad-json' },
    '5,000 nested arrays': { payload: nested(5_000), reason: 'too-deep' },
    'another schema': { payload: '{"orderId":1}', reason: 'bad-schema' },
    'a version to come': {
      payload: '{}',
      headers: { 'ce-type': `rookery.${contract.name}.v99` },
      reason: 'unknown-version',
    },
    'another event': { payload: '{}', headers: { 'ce-type': 'rookery.Surprise.v1' }, reason: 'unknown-version' },
    'no id': { payload: '{}', headers: { 'ce-id': undefined }, reason: 'missing-headers' },
    'no sequence': { payload: '{}', headers: { 'ce-sequence': undefined }, reason: 'missing-headers' },
    'a sequence of 0': { payload: '{}', headers: { 'ce-sequence': '0' }, reason: 'missing-headers' },
    'no aggregate': { payload: '{}', headers: { 'ce-subject': undefined }, reason: 'missing-headers' },
  });

  /** Poisons a subject and answers where in the stream it stands. */
  async function poison(subject: string, headers: Readonly<Record<string, string | undefined>>, payload: string) {
    const given = newHeaders();
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) {
        given.set(name, value);
      }
    }
    return jetstream(admin).publish(subject, payload, { headers: given });
  }

  interface DeadLetter {
    readonly stream: string;
    readonly subject: string;
    readonly headers: ReadonlyMap<string, string>;
    readonly payload: string;
    readonly position: number;
  }
  const deadLetters: DeadLetter[] = [];

  beforeAll(async () => {
    const manager = await jetstreamManager(admin);
    for (const stream of DeadLetterConsumers.map(deadLetterStreamOf)) {
      const { name } = await manager.consumers.add(stream, { deliver_policy: DeliverPolicy.New, mem_storage: true });
      const consumer = await jetstream(admin).consumers.get(stream, name);
      await consumer.consume({
        callback: (message) => {
          deadLetters.push({
            stream,
            subject: message.subject,
            headers: new Map([...(message.headers ?? [])].map(([key, values]) => [key.toLowerCase(), values.join()])),
            payload: new TextDecoder().decode(message.data),
            position: message.seq,
          });
        },
      });
    }
  });

  // Later specs read the dead letters too, so what was injected here is deleted.
  afterAll(async () => {
    const manager = await jetstreamManager(admin);
    await Promise.all(deadLetters.map(({ stream, position }) => manager.streams.deleteMessage(stream, position)));
  });

  it.each(eventContracts.map((contract) => [contract.subject, contract] as const))(
    '%s becomes a dead letter of its handlers, while orders are confirmed promptly',
    async (subject, contract) => {
      const injected = await Promise.all(
        Object.values(poisons(contract)).map(async ({ payload, headers, reason }) => {
          const given = { ...attributes(contract), ...headers };
          const { stream, seq } = await poison(subject, given, payload);
          return { stream, seq, reason, payload, given };
        }),
      );
      await expectPromptConfirmation();

      for (const service of handlersOf(contract)) {
        for (const { stream, seq, reason, payload, given } of injected) {
          const letter = await eventually(() => {
            const found = deadLetters.find(
              ({ subject: at, headers }) =>
                at === deadLetterSubject(service, subject) &&
                headers.get(DeadLetterHeaders.stream) === stream &&
                headers.get(DeadLetterHeaders.streamSequence) === String(seq),
            );
            if (found === undefined) {
              throw new Error(`${service} made no dead letter of ${stream} ${seq} (${reason})`);
            }
            return found;
          });
          expect(letter.headers.get(DeadLetterHeaders.reason)).toBe(reason);
          expect(letter.headers.get(DeadLetterHeaders.originalSubject)).toBe(subject);
          expect(letter.payload).toBe(payload);
          for (const [name, value] of Object.entries(given)) {
            expect(letter.headers.get(name)).toBe(value);
          }
        }
      }
      const consumers = new Set(
        deadLetters.filter(({ subject: at }) => at.endsWith(subject)).map(({ subject: at }) => at),
      );
      expect(consumers.size).toBe(handlersOf(contract).length);
    },
  );

  it('under a subject that no contract has goes to the dead letters of every consumer of the stream', async () => {
    const subject = 'events.payments.payment.payment-vanished.v1';
    await poison(subject, {}, '{}');
    await eventually(() => {
      const letters = deadLetters.filter(({ subject: at }) => at.endsWith(subject));
      expect(letters.map(({ subject: at }) => at).toSorted()).toEqual(
        ['orders', 'products'].map((service) => deadLetterSubject(service, subject)),
      );
      expect(letters.map(({ headers }) => headers.get(DeadLetterHeaders.reason))).toEqual(
        Array<string>(letters.length).fill('unknown-subject'),
      );
    });
    await expectPromptConfirmation();
  });

  it('leaves the gateway serving the catalog', async () => {
    expect((await request('GET', '/v1/products?limit=1')).status).toBe(200);
  });
});
