import { randomUUID } from 'node:crypto';
import { OrderView } from '@rookery/contracts';
import { type ApiClient, clientOf, problem, read, request } from '../src/client';
import { tokenOf } from '../src/tokens';

describe('whose order it is', () => {
  let alice: ApiClient;
  let bob: ApiClient;
  let olga: ApiClient;
  let order: OrderView;

  beforeAll(async () => {
    alice = clientOf(await tokenOf('alice'));
    bob = clientOf(await tokenOf('bob'));
    olga = clientOf(await tokenOf('olga'));
    const product = await olga.addProduct();
    order = await alice.buy(product.id, 1);
    await alice.ended(order.id);
  });

  it.each(['', '/timeline', '/events'])('answers a foreign order%s exactly as an unknown one', async (suffix) => {
    const unknown = randomUUID();
    const ask = (id: string) =>
      request('GET', `/v1/orders/${id}${suffix}`, {
        token: bob.token,
        headers: { 'x-correlation-id': 'the-same-one' },
      });
    const foreign = await ask(order.id);
    expect(foreign.status).toBe(404);
    expect(problem(foreign).code).toBe('orders.order-not-found');
    expect(foreign.text.replaceAll(order.id, unknown)).toBe((await ask(unknown)).text);
  });

  it('lets nobody else cancel it, in the same words as for an unknown one', async () => {
    const unknown = randomUUID();
    const cancel = (id: string) =>
      request('POST', `/v1/orders/${id}/cancellations`, {
        token: bob.token,
        headers: { 'x-correlation-id': 'the-same-one' },
      });
    const foreign = await cancel(order.id);
    expect(foreign.status).toBe(404);
    expect(foreign.text.replaceAll(order.id, unknown)).toBe((await cancel(unknown)).text);
  });

  it('lists no foreign order and shows no foreign payment', async () => {
    expect((await bob.orders('?limit=100')).items.map((item) => item.id)).not.toContain(order.id);
    expect((await bob.payments(order.id)).items).toEqual([]);
  });

  it('shows an operator every order', async () => {
    expect((await olga.order(order.id)).id).toBe(order.id);
    expect(await olga.timeline(order.id)).toContain('OrderConfirmed');
    expect((await olga.payments(order.id)).items).toHaveLength(1);
  });

  it('refuses to cancel a confirmed order', async () => {
    const answer = await alice.cancel(order.id);
    expect(answer.status).toBe(409);
    expect(problem(answer).code).toBe('orders.order-not-cancellable');
    expect((await alice.order(order.id)).status).toBe('Confirmed');
  });

  it('ignores headers that pretend to be somebody', async () => {
    const answer = await request('GET', `/v1/orders/${order.id}`, {
      token: bob.token,
      headers: { 'x-user': 'alice', 'x-user-id': 'alice', 'x-forwarded-user': 'alice', 'x-roles': 'operator' },
    });
    expect(answer.status).toBe(404);
  });

  it('takes no price, status or owner from the client and stores nothing of such an order', async () => {
    const before = (await alice.orders('?limit=1')).items[0]?.id;
    for (const field of ['status', 'price', 'customer', 'total', '__proto__x', 'id']) {
      const answer = await request('POST', '/v1/orders', {
        token: alice.token,
        body: { lines: [{ productId: order.lines[0]?.productId, quantity: 1 }], paymentToken: 'tok_ok', [field]: 'x' },
        headers: { 'idempotency-key': randomUUID() },
      });
      expect(answer.status).toBe(400);
      expect(problem(answer).errors?.length).toBeGreaterThan(0);
    }
    expect((await alice.orders('?limit=1')).items[0]?.id).toBe(before);
  });

  it('gives a location that leads to the order', async () => {
    const answer = await alice.place({
      lines: [{ productId: order.lines[0]?.productId ?? '', quantity: 1 }],
      paymentToken: 'tok_ok',
    });
    const location = answer.headers.get('location') ?? '';
    expect(read(OrderView, await request('GET', location, { token: alice.token })).id).toBe(read(OrderView, answer).id);
  });
});
