import { randomUUID } from 'node:crypto';
import { OrderCreated, OrdersRpc, type OrderView, type PlaceOrder } from '@rookery/contracts';
import { aProduct } from './order.builder';
import { alice, bob, olga, type OrdersUnderTest, startOrders } from './orders-service';

describe('placing an order', () => {
  let orders: OrdersUnderTest;
  const nestBox = aProduct({ sku: 'NEST-1', unitPrice: { amountMinor: 1_999, currency: 'EUR' } });
  const feeder = aProduct({ sku: 'FEED-1', unitPrice: { amountMinor: 500, currency: 'EUR' } });
  const dollarFeeder = aProduct({ sku: 'FEED-2', unitPrice: { amountMinor: 500, currency: 'USD' } });
  const dearest = aProduct({ sku: 'DEAR-1', unitPrice: { amountMinor: 1_000_000_000_000, currency: 'EUR' } });
  const anOrder: PlaceOrder = {
    lines: [
      { productId: nestBox.productId, quantity: 2 },
      { productId: feeder.productId, quantity: 1 },
    ],
    paymentToken: 'tok_ok',
  };
  const one = ({ productId }: { readonly productId: string }, quantity = 1): PlaceOrder => ({
    lines: [{ productId, quantity }],
    paymentToken: 'tok_ok',
  });

  beforeAll(async () => {
    orders = await startOrders({ catalog: [nestBox, feeder, dollarFeeder, dearest] });
  });
  afterAll(() => orders.stop());

  const place = (request: PlaceOrder, key: string = randomUUID(), as = alice) =>
    orders.call(OrdersRpc.place, request, as, { idempotencyKey: key });
  const rowsOf = async (table: 'orders' | 'outbox' | 'order_timeline' | 'idempotency_key') => {
    const [row] = await orders.database.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`);
    return row?.count;
  };
  const counts = async () => ({
    orders: await rowsOf('orders'),
    outbox: await rowsOf('outbox'),
    timeline: await rowsOf('order_timeline'),
    keys: await rowsOf('idempotency_key'),
  });

  it('snapshots names and prices and sums them', async () => {
    const { order, replayed } = await place(anOrder);
    expect(replayed).toBe(false);
    expect(order).toMatchObject({
      status: 'Pending',
      reason: null,
      lines: [
        {
          productId: nestBox.productId,
          sku: 'NEST-1',
          quantity: 2,
          unitPrice: { amountMinor: 1_999, currency: 'EUR' },
        },
        { productId: feeder.productId, sku: 'FEED-1', quantity: 1, unitPrice: { amountMinor: 500, currency: 'EUR' } },
      ],
      total: { amountMinor: 4_498, currency: 'EUR' },
      version: 1,
    });
    expect(await orders.call(OrdersRpc.get, { id: order.id }, alice)).toEqual(order);
  });

  it('publishes OrderCreated with a payment token that only the sealing key opens', async () => {
    const { order } = await place(anOrder);
    const event = await orders.published(OrderCreated, order.id);
    expect(event).toMatchObject({ orderId: order.id, customerId: alice.subject, total: order.total });
    expect(JSON.stringify(event)).not.toContain('tok_ok');
    expect(await orders.open(event.sealedPaymentToken)).toBe('tok_ok');
    const [dump] = await orders.database.query<{ text: string }>(
      `SELECT string_agg(o::text, '') || (SELECT string_agg(x::text, '') FROM outbox x)
         || (SELECT string_agg(k::text, '') FROM idempotency_key k) AS text FROM orders o`,
    );
    expect(dump?.text).not.toContain('tok_ok');
  });

  it('makes one order of twenty parallel requests with one key', async () => {
    const key = randomUUID();
    const before = await counts();
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => place(anOrder, key)));
    const after = await counts();
    expect(after.orders).toBe((before.orders ?? 0) + 1);
    expect(after.outbox).toBe((before.outbox ?? 0) + 1);
    expect(after.keys).toBe((before.keys ?? 0) + 1);

    const given = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const refused = answers.filter((answer) => answer.status === 'rejected');
    expect(given.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(given.map(({ order }) => JSON.stringify(order))).size).toBe(1);
    for (const { reason } of refused) {
      expect(reason).toMatchObject({ status: 409, code: 'orders.idempotency-key-in-use', retryAfterSeconds: 1 });
    }
  });

  it('refuses a key whose first request is still running, with Retry-After', async () => {
    const key = randomUUID();
    const before = await counts();
    await orders.whileKeyIsInUse(alice, key, async () => {
      await expect(place(anOrder, key)).rejects.toMatchObject({
        status: 409,
        code: 'orders.idempotency-key-in-use',
        retryAfterSeconds: 1,
      });
    });
    expect(await counts()).toEqual(before);
    expect((await place(anOrder, key)).replayed).toBe(false);
  });

  it('replays the first answer byte for byte, even after the order has changed', async () => {
    const key = randomUUID();
    const first = await place(anOrder, key);
    await orders.call(OrdersRpc.cancel, { id: first.order.id }, alice);
    const again = await place(anOrder, key);
    expect(again.replayed).toBe(true);
    expect(JSON.stringify(again.order)).toBe(JSON.stringify(first.order));
  });

  it('replays when the fields of the body come in another order', async () => {
    const key = randomUUID();
    const first = await place(anOrder, key);
    const shuffled = {
      paymentToken: anOrder.paymentToken,
      lines: anOrder.lines.map(({ productId, quantity }) => ({ quantity, productId })),
    };
    expect((await place(shuffled, key)).order.id).toBe(first.order.id);
  });

  it('replays without requesting the prices again', async () => {
    const key = randomUUID();
    const passing = aProduct({ sku: 'GONE-1' });
    orders.catalog.set(passing.productId, passing);
    const first = await place(one(passing), key);
    orders.catalog.delete(passing.productId);
    expect((await place(one(passing), key)).order.id).toBe(first.order.id);
  });

  it('refuses a key that came with another body', async () => {
    const key = randomUUID();
    await place(anOrder, key);
    await expect(place({ ...anOrder, paymentToken: 'tok_declined' }, key)).rejects.toMatchObject({
      status: 422,
      code: 'orders.idempotency-key-reused',
    });
  });

  it('separates the keys of two customers and of two clients', async () => {
    const key = randomUUID();
    const placed: OrderView[] = [];
    for (const actor of [
      alice,
      bob,
      { ...alice, clientId: 'another-client' },
      { ...alice, issuer: 'https://other.example' },
    ]) {
      const { order, replayed } = await place(anOrder, key, actor);
      expect(replayed).toBe(false);
      placed.push(order);
    }
    expect(new Set(placed.map(({ id }) => id)).size).toBe(4);
  });

  it('accepts a used key as new after 24 hours', async () => {
    const key = randomUUID();
    const first = await place(anOrder, key);
    const age = (interval: string) =>
      orders.database.query(
        `UPDATE idempotency_key SET expires_at = expires_at - '${interval}'::interval WHERE key = '${key}'`,
      );
    await age('23 hours 59 minutes');
    expect((await place(anOrder, key)).order.id).toBe(first.order.id);
    await age('1 minute');
    const second = await place(anOrder, key);
    expect(second.replayed).toBe(false);
    expect(second.order.id).not.toBe(first.order.id);
  });

  it.each([undefined, '', 'short', 'with a space', 'x'.repeat(256), 'ümlaut-key'])(
    'refuses the key %j',
    async (key) => {
      const before = await counts();
      await expect(orders.call(OrdersRpc.place, anOrder, alice, { idempotencyKey: key ?? null })).rejects.toMatchObject(
        { status: 400, errors: [{ pointer: '#/header/Idempotency-Key' }] },
      );
      expect(await counts()).toEqual(before);
    },
  );

  it.each([
    { fact: 'an unknown product', request: one(aProduct()), code: 'orders.product-unavailable' },
    {
      fact: 'two currencies',
      request: { ...anOrder, lines: [...anOrder.lines, { productId: dollarFeeder.productId, quantity: 1 }] },
      code: 'orders.mixed-currencies',
    },
    { fact: 'a total over 2^53-1', request: one(dearest, 10_000), code: 'orders.total-too-large' },
  ])('refuses $fact, stores nothing and leaves the key free', async ({ request, code }) => {
    const key = randomUUID();
    const before = await counts();
    await expect(place(request, key)).rejects.toMatchObject({ status: 422, code });
    expect(await counts()).toEqual(before);
    expect((await place(anOrder, key)).replayed).toBe(false);
  });

  it('accepts an order at the shown total, and replays it after prices have changed', async () => {
    const key = randomUUID();
    const passing = aProduct({ sku: 'DEARER-1', unitPrice: { amountMinor: 1_000, currency: 'EUR' } });
    orders.catalog.set(passing.productId, passing);
    const request = { ...one(passing, 2), expectedTotal: { amountMinor: 2_000, currency: 'EUR' } };
    const first = await place(request, key);
    expect(first).toMatchObject({ replayed: false, order: { total: request.expectedTotal } });

    orders.catalog.set(passing.productId, { ...passing, unitPrice: { amountMinor: 99_000, currency: 'EUR' } });
    expect(await place(request, key)).toEqual({ order: first.order, replayed: true });
    orders.catalog.delete(passing.productId);
  });

  it.each([
    {
      fact: 'dearer',
      unitPrice: { amountMinor: 99_000, currency: 'EUR' },
      total: { amountMinor: 198_000, currency: 'EUR' },
    },
    {
      fact: 'cheaper',
      unitPrice: { amountMinor: 999, currency: 'EUR' },
      total: { amountMinor: 1_998, currency: 'EUR' },
    },
    {
      fact: 'in another currency',
      unitPrice: { amountMinor: 1_000, currency: 'USD' },
      total: { amountMinor: 2_000, currency: 'USD' },
    },
  ])(
    'refuses an order that is $fact than shown with both totals, stores nothing and leaves the key free',
    async ({ unitPrice, total }) => {
      const key = randomUUID();
      const changed = aProduct({ sku: 'CHANGED-1', unitPrice });
      orders.catalog.set(changed.productId, changed);
      const expectedTotal = { amountMinor: 2_000, currency: 'EUR' };
      const before = await counts();
      await expect(place({ ...one(changed, 2), expectedTotal }, key)).rejects.toMatchObject({
        status: 409,
        code: 'orders.total-changed',
        totals: { expectedTotal, total },
        errors: [{ pointer: '/expectedTotal' }],
      });
      expect(await counts()).toEqual(before);
      expect(await place({ ...one(changed, 2), expectedTotal: total }, key)).toMatchObject({
        replayed: false,
        order: { total },
      });
      orders.catalog.delete(changed.productId);
    },
  );

  it('treats the expected total as part of the request: the same key with another total is refused', async () => {
    const key = randomUUID();
    const total = { amountMinor: 4_498, currency: 'EUR' };
    await place({ ...anOrder, expectedTotal: total }, key);
    for (const request of [anOrder, { ...anOrder, expectedTotal: { ...total, amountMinor: 4_499 } }]) {
      await expect(place(request, key)).rejects.toMatchObject({ status: 422, code: 'orders.idempotency-key-reused' });
    }
  });

  it('accepts, shows and replays an order of a product whose currency has been withdrawn', async () => {
    const key = randomUUID();
    const old = aProduct({ sku: 'OLD-1', unitPrice: { amountMinor: 7_500, currency: 'QQQ' } });
    orders.catalog.set(old.productId, old);
    const { order } = await place(one(old), key);
    expect(order).toMatchObject({ total: old.unitPrice, lines: [{ unitPrice: old.unitPrice }] });
    expect((await place(one(old), key)).order).toEqual(order);
    expect(await orders.call(OrdersRpc.get, { id: order.id }, alice)).toEqual(order);
    expect((await orders.call(OrdersRpc.list, { limit: 1 }, alice)).items).toEqual([order]);
    expect(await orders.published(OrderCreated, order.id)).toMatchObject({ total: old.unitPrice });
    orders.catalog.delete(old.productId);
  });

  it('names each line whose product is not available', async () => {
    const request = { ...anOrder, lines: [...one(aProduct()).lines, ...anOrder.lines, ...one(aProduct()).lines] };
    await expect(place(request)).rejects.toMatchObject({
      errors: [{ pointer: '/lines/0/productId' }, { pointer: '/lines/3/productId' }],
    });
  });

  it('rolls everything back when a part cannot be stored', async () => {
    const before = await counts();
    await orders.database.query(`ALTER TABLE idempotency_key ADD CONSTRAINT planted CHECK (key <> 'planted-failure')`);
    await expect(place(anOrder, 'planted-failure')).rejects.toMatchObject({ status: 500 });
    expect(await counts()).toEqual(before);
  });

  it('answers 503 and frees the key when products does not respond', async () => {
    const key = randomUUID();
    await orders.withoutProducts(async () => {
      await expect(place(anOrder, key)).rejects.toMatchObject({ status: 503, retryAfterSeconds: 1 });
    });
    expect((await place(anOrder, key, alice)).replayed).toBe(false);
  });

  it('lets an operator place an own order', async () => {
    const { order } = await place(anOrder, randomUUID(), olga);
    await expect(orders.call(OrdersRpc.get, { id: order.id }, alice)).rejects.toMatchObject({ status: 404 });
  });
});
