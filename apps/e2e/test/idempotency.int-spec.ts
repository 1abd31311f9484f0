import { createHash, randomUUID } from 'node:crypto';
import { OrderView } from '@rookery/contracts';
import { eventually, OpenApi, routesOf } from '@rookery/testing';
import { type Answer, type ApiClient, clientOf, problem, read, request } from '../src/client';
import { Databases } from '../src/databases';
import { keyedWrites, someone, type Write } from '../src/keyed-writes';
import { tokenOf } from '../src/tokens';

// The routes come from the document, so that a new one cannot be forgotten.
const posts = routesOf(OpenApi.parse(JSON.parse((await request('GET', '/openapi.json')).text))).filter(
  ({ method }) => method === 'POST',
);
const databases = new Databases();
let olga: ApiClient;
const writes = keyedWrites(databases, () => olga);

beforeAll(async () => {
  olga = clientOf(await tokenOf('olga'));
});
afterAll(() => databases.close());

const send = ({ token }: ApiClient, { path, body }: Write, key?: string): Promise<Answer> =>
  request('POST', path, {
    token: token === '' ? undefined : token,
    body,
    headers: { 'idempotency-key': key },
  });

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

const isReplay = ({ headers }: Answer): boolean => headers.get('idempotent-replayed') === 'true';

/** The same request in other characters: ids in upper case, fields in another order, white space. */
function spelledOtherwise({ path, body }: Write): Write {
  const id = /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g;
  const upper = (text: string): string => text.replaceAll(id, (match) => match.toUpperCase());
  if (typeof body !== 'object' || body === null) {
    return { path: upper(path) };
  }
  const reversed = Object.fromEntries(Object.entries(body).toReversed());
  return { path: upper(path), body: upper(JSON.stringify(reversed, undefined, 2)) };
}

/** What a replay repeats exactly. */
const said = ({ status, text, headers }: Answer) => ({
  status,
  text,
  headers: ['location', 'etag', 'content-type', 'content-length'].map((name) => headers.get(name)),
});

it('is tried on every POST of the document', () => {
  expect(posts.map(({ id }) => id).sort()).toEqual(Object.keys(writes).sort());
});

describe.each(Object.entries(writes))('the Idempotency-Key of %s', (_id, { service, status, who, fresh }) => {
  const keysStored = (key: string): Promise<number> =>
    databases.count(service, `idempotency_key WHERE key = $1 AND response <> ''`, [key]);

  it('is required: without one the request is refused and nothing is stored', async () => {
    const somebody = await someone(who, databases);
    const { effects, ...write } = await fresh(somebody);
    for (const [key, fact] of [
      [undefined, 'missing'],
      ['short', 'malformed'],
    ] as const) {
      const answer = await send(somebody, write, key);
      expect(answer.status).toBe(400);
      expect(problem(answer)).toMatchObject({
        code: matching(new RegExp(`^[a-z]+\\.idempotency-key-${fact}$`)),
        errors: [{ pointer: '#/header/Idempotency-Key' }],
      });
    }
    expect(await effects()).toBe(0);
  });

  it('makes a request that is sent again, however it is spelled, take effect once and gives the same bytes', async () => {
    const somebody = await someone(who, databases);
    const { effects, ...write } = await fresh(somebody);
    const key = randomUUID();
    const first = await send(somebody, write, key);
    expect({ status: first.status, replayed: isReplay(first) }).toEqual({ status, replayed: false });
    for (const [sent, form] of [
      [write, key],
      [write, `"${key}"`],
      [spelledOtherwise(write), key],
    ] as const) {
      const again = await send(somebody, sent, form);
      expect(said(again)).toEqual(said(first));
      expect(isReplay(again)).toBe(true);
    }
    expect(await effects()).toBe(1);
    expect(await keysStored(key)).toBe(1);
  });

  it('is refused with another request, which does not take effect', async () => {
    const somebody = await someone(who, databases);
    const { effects, other, ...write } = await fresh(somebody);
    const key = randomUUID();
    const first = await send(somebody, write, key);
    const answer = await send(somebody, other, key);
    expect(answer.status).toBe(422);
    expect(problem(answer).code).toBe(`${service}.idempotency-key-reused`);
    expect(await effects()).toBe(1);
    expect(said(await send(somebody, write, key))).toEqual(said(first));
  });

  it('belongs to who sent it: the same key of somebody else is another request', async () => {
    const [one, another] = [await someone(who, databases), await someone(who, databases)];
    const [hers, his] = [await fresh(one), await fresh(another)];
    const key = randomUUID();
    for (const [person, write] of [
      [one, hers],
      [another, his],
    ] as const) {
      const answer = await send(person, write, key);
      expect({ status: answer.status, replayed: isReplay(answer) }).toEqual({ status, replayed: false });
      expect(await write.effects()).toBe(1);
    }
  });

  it('makes one effect of twenty requests at the same time', async () => {
    const somebody = await someone(who, databases);
    const { effects, ...write } = await fresh(somebody);
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(somebody, write, key)));
    for (const answer of answers) {
      expect([status, 409]).toContain(answer.status);
      if (answer.status !== 409) {
        continue;
      }
      expect(problem(answer).code).toBe(`${service}.idempotency-key-in-use`);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const settled = await eventually(async () => {
      const answer = await send(somebody, write, key);
      expect(answer.status).not.toBe(409);
      return answer;
    });
    const done = [...answers.filter((answer) => answer.status !== 409), settled];
    expect(new Set(done.map((answer) => JSON.stringify(said(answer)))).size).toBe(1);
    expect(done.filter((answer) => !isReplay(answer))).toHaveLength(1);
    expect(await effects()).toBe(1);
    expect(await keysStored(key)).toBe(1);
  });

  it('is free again after a refusal', async () => {
    const somebody = await someone(who, databases);
    const { effects, refused, ...write } = await fresh(somebody);
    const key = randomUUID();
    const refusal = await send(somebody, refused, key);
    expect(refusal.status).toBeGreaterThanOrEqual(400);
    expect(refusal.status).toBeLessThan(500);
    expect(problem(refusal).code).not.toContain('idempotency-key');
    expect(await keysStored(key)).toBe(0);
    const answer = await send(somebody, write, key);
    expect({ status: answer.status, replayed: isReplay(answer) }).toEqual({ status, replayed: false });
    expect(await effects()).toBe(1);
  });
});

describe('the Idempotency-Key of POST /v1/orders', () => {
  const anOrder = async () => ({
    lines: [{ productId: (await olga.addProduct()).id, quantity: 1 }],
    paymentToken: 'tok_ok',
  });

  it('replays the first answer even after the order has moved on', async () => {
    const alice = clientOf(await tokenOf('alice'));
    const [order, key] = [await anOrder(), randomUUID()];
    const first = await alice.place(order, key);
    const { id } = read(OrderView, first);
    expect(await alice.ended(id)).toMatchObject({ status: 'Confirmed' });
    const replay = await alice.place(order, key);
    expect(replay).toMatchObject({ status: 201, text: first.text });
  });

  it('keeps the codes that its clients know', async () => {
    const alice = clientOf(await tokenOf('alice'));
    const order = await anOrder();
    const codeFor = async (key: string): Promise<string> => problem(await alice.place(order, key)).code;
    expect(await codeFor('')).toBe('orders.idempotency-key-missing');
    for (const key of ['short', 'x'.repeat(256), 'with\tcontrol!']) {
      expect(await codeFor(key)).toBe('orders.idempotency-key-malformed');
    }
  });
});

it('a stock adjustment that is sent again adds once', async () => {
  const { id } = await olga.addProduct({ stock: 5 });
  const key = randomUUID();
  const adjust = () =>
    send(olga, { path: `/v1/products/${id}/stock-adjustments`, body: { delta: 10, reason: 'delivery' } }, key);
  expect(JSON.parse((await adjust()).text)).toMatchObject({ stock: { available: 15 } });
  expect(JSON.parse((await adjust()).text)).toMatchObject({ stock: { available: 15 } });
});

it('a stranger who knows key and address of a registration, but not its password, does not see its response', async () => {
  const [email, key] = [`${randomUUID()}@keyed.example`, randomUUID()];
  const register = (password: string, address = email) =>
    request('POST', '/v1/accounts', {
      body: { email: address, password, name: 'Wren' },
      headers: { 'idempotency-key': key },
    });
  const password = randomUUID();
  const first = await register(password);
  expect(first.status).toBe(201);
  expect((await register(password, email.toUpperCase())).text).toBe(first.text);
  const stranger = await register(randomUUID());
  expect(stranger.status).toBe(422);
  expect(stranger.text).not.toContain(email);
  const [stored] = await databases.rows('auth', 'SELECT * FROM idempotency_key WHERE key = $1', [key]);
  expect(JSON.stringify(stored)).not.toContain(password);
  const quickHash = createHash('sha256').update(
    JSON.stringify(['rpc.auth.register', { email, password, name: 'Wren' }]),
  );
  expect(stored).toMatchObject({ subject: email });
  expect(stored?.['fingerprint']).not.toBe(quickHash.digest('base64url'));
});
