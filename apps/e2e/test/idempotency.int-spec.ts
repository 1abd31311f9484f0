import { OrderView } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { randomUUID } from 'node:crypto';
import { type Answer, Operator, problem, read, request, Shopper } from '../src/shop';
import { tokenOf } from '../src/tokens';

describe('the Idempotency-Key of POST /v1/orders', () => {
  let alice: Shopper;
  let bob: Shopper;
  let productId: string;

  beforeAll(async () => {
    alice = new Shopper(await tokenOf('alice'));
    bob = new Shopper(await tokenOf('bob'));
    productId = (await new Operator(await tokenOf('olga')).add({ stock: 1_000 })).id;
  });

  const order = (quantity = 1) => ({ lines: [{ productId, quantity }], paymentToken: 'tok_ok' });

  /** Sends until the answer is not “still running”, as a client does that honours Retry-After. */
  const settled = (shopper: Shopper, key: string): Promise<Answer> =>
    eventually(async () => {
      const answer = await shopper.place(order(), key);
      expect(answer.status).not.toBe(409);
      return answer;
    });

  it('makes one order of twenty parallel requests, and every replay is byte-identical', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 20 }, () => alice.place(order(), key)));
    for (const answer of answers) {
      expect([201, 409]).toContain(answer.status);
      if (answer.status === 409) {
        expect(problem(answer).code).toBe('orders.idempotency-key-in-use');
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      }
    }
    const replays = await Promise.all(Array.from({ length: 20 }, () => settled(alice, key)));
    const all = [...answers, ...replays].filter((answer) => answer.status === 201);
    expect(new Set(all.map((answer) => answer.text)).size).toBe(1);
    expect(new Set(all.map((answer) => answer.headers.get('location'))).size).toBe(1);
    expect(all.filter((answer) => answer.headers.get('idempotent-replayed') === null)).toHaveLength(1);
    for (const answer of replays) expect(answer.headers.get('idempotent-replayed')).toBe('true');
  });

  it('replays the first answer even after the order has moved on', async () => {
    const key = randomUUID();
    const first = await alice.place(order(), key);
    const { id } = read(OrderView, first);
    expect(await alice.ended(id)).toMatchObject({ status: 'Confirmed' });
    const replay = await alice.place(order(), key);
    expect(replay).toMatchObject({ status: 201, text: first.text });
  });

  it('takes the quoted and the bare form for the same key', async () => {
    const key = randomUUID();
    const first = await alice.place(order(), key);
    const quoted = await alice.place(order(), `"${key}"`);
    expect(quoted).toMatchObject({ status: 201, text: first.text });
  });

  it('refuses the same key with another body', async () => {
    const key = randomUUID();
    await alice.place(order(1), key);
    const answer = await alice.place(order(2), key);
    expect(answer.status).toBe(422);
    expect(problem(answer).code).toBe('orders.idempotency-key-reused');
  });

  it('keeps two users with the same key apart', async () => {
    const key = randomUUID();
    const hers = read(OrderView, await alice.place(order(), key));
    const his = read(OrderView, await bob.place(order(), key));
    expect(his.id).not.toBe(hers.id);
  });

  it.each([undefined, 'short', 'x'.repeat(256), 'with\tcontrol!'])('refuses %j as a key', async (key) => {
    const answer = await request('POST', '/v1/orders', {
      token: alice.token,
      body: order(),
      headers: key === undefined ? {} : { 'idempotency-key': key },
    });
    expect(answer.status).toBe(400);
    problem(answer);
  });
});
