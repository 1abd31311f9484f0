import {
  OrderCanceled,
  OrderConfirmed,
  OrderCreated,
  OrderDiagnosisRpc,
  PaymentFailed,
  PaymentReserved,
  ProductChanged,
  productNotificationSubject,
  ProductsRpc,
  type ProductView,
  StockRejected,
  StockReleased,
  StockReserved,
} from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { type CallOptions, eventually, publishEvent, testActor } from '@rookery/testing';
import { aProduct } from './products-on-postgres';
import { alice, olga, type RunningProducts, startProducts } from './products-service';

const someTime: unknown = expect.any(String);

describe('the products service', () => {
  let service: RunningProducts;

  beforeAll(async () => {
    service = await startProducts();
  }, 30_000);
  afterAll(() => service.stop());

  it('is ready, and its probes show it', async () => {
    await eventually(async () => expect((await service.get('/readyz')).statusCode).toBe(200));
    expect((await service.get('/livez')).statusCode).toBe(200);
  });

  it('lets an operator add a product, shows it to anyone, and publishes its event', async () => {
    const created = await create({ stock: 4 });
    expect(await service.caller.call(ProductsRpc.get, { id: created.id })).toEqual(created);
    expect(await service.published.next(ProductChanged, created.id)).toEqual({
      productId: created.id,
      version: 1,
      change: 'created',
    });
  });

  it('stops work whose caller has stopped waiting, also in the database', async () => {
    const { id } = await create();
    const working = async (): Promise<number> => {
      // Within a transaction it would go on showing what it showed first.
      await service.database.query('SELECT pg_stat_clear_snapshot()');
      const [row] = await service.database.query<{ active: number }>(
        `SELECT count(*)::int AS active FROM pg_stat_activity
         WHERE datname = current_database() AND usename <> current_user AND state = 'active' AND wait_event_type = 'Lock'`,
      );
      return row?.active ?? 0;
    };
    await service.database.query('BEGIN');
    try {
      await service.database.query('LOCK TABLE products IN ACCESS EXCLUSIVE MODE');
      // More than there are connections: some wait for one.
      const asked = Array.from({ length: 30 }, () =>
        service.caller.call(ProductsRpc.get, { id }, { timeoutMs: 1_000 }).catch((error: unknown) => error),
      );
      await eventually(async () => expect(await working()).toBeGreaterThan(0), { intervalMs: 10 });
      for (const answer of await Promise.all(asked)) {
        expect(answer).toMatchObject({ status: 504 });
      }
      await eventually(async () => expect(await working()).toBe(0), { timeoutMs: 3_500 });
    } finally {
      await service.database.query('ROLLBACK');
    }
    await eventually(async () =>
      expect(await service.caller.call(ProductsRpc.get, { id })).toMatchObject({ id, version: 1 }),
    );
  });

  it('refuses changes without the scope for the catalog', async () => {
    const { id } = await create();
    const asked = [
      service.caller.call(ProductsRpc.create, aProduct(), { actor: alice }),
      service.caller.call(ProductsRpc.change, { id, ifMatch: null, change: { name: 'Mine' } }, { actor: alice }),
      service.caller.call(ProductsRpc.archive, { id, ifMatch: null }, { actor: alice }),
      service.caller.call(ProductsRpc.adjustStock, { id, adjustment: { delta: 1, reason: 'x' } }, { actor: alice }),
    ];
    // All at once: one that is refused while another is awaited would count as unhandled.
    const answers = await Promise.allSettled(asked);
    expect(answers).toMatchObject(asked.map(() => ({ status: 'rejected', reason: { status: 403 } })));
  });

  it.each([
    [
      'a quantity that is no whole number',
      { sku: 'a', name: 'A', price: { amountMinor: 1, currency: 'EUR' }, stock: 1.5 },
    ],
    ['an unknown currency', { sku: 'a', name: 'A', price: { amountMinor: 1, currency: 'ZZZ' } }],
    ['a NUL in a name', { sku: 'a', name: 'A\u0000', price: { amountMinor: 1, currency: 'EUR' } }],
  ])('refuses %s, which no caller may have let through', async (_, request) => {
    await expect(service.caller.call(ProductsRpc.create, request, { actor: olga })).rejects.toMatchObject({
      code: 'dependency.refused-call',
      cause: { status: 400, code: 'rpc.contract-broken' },
    });
  });

  it('answers its refusals as problems with their codes', async () => {
    const { id, sku } = await create();
    const { call } = { call: service.caller.call.bind(service.caller) };
    const asOlga = { actor: olga };
    await expect(call(ProductsRpc.create, aProduct({ sku }), asOlga)).rejects.toMatchObject({
      status: 409,
      code: 'products.sku-taken',
    });
    await expect(call(ProductsRpc.change, { id, ifMatch: [7], change: { name: 'B' } }, asOlga)).rejects.toMatchObject({
      status: 412,
      code: 'products.stale-version',
    });
    await expect(
      call(ProductsRpc.adjustStock, { id, adjustment: { delta: -1, reason: 'x' } }, asOlga),
    ).rejects.toMatchObject({ status: 409, code: 'products.stock-would-be-negative' });
    await expect(call(ProductsRpc.get, { id: uuidv7() })).rejects.toMatchObject({
      status: 404,
      code: 'products.product-not-found',
    });
    await expect(call(ProductsRpc.list, { limit: 1, cursor: 'forged' })).rejects.toMatchObject({
      status: 400,
      code: 'products.invalid-cursor',
    });
  });

  it('reserves for a paid order, ships it once confirmed, each event delivered twice', async () => {
    const { id: productId } = await create({ stock: 5 });
    const orderId = uuidv7();
    const lines = [{ productId, quantity: 2 }];
    await pay(orderId);
    await created(orderId, lines);
    expect(await service.published.next(StockReserved, orderId)).toEqual({ orderId, lines });
    await publishEvent(service.broker, OrderConfirmed, { orderId }, { aggregateId: orderId });
    await eventually(async () => expect(await stockOf(productId)).toEqual({ available: 3, reserved: 0, sold: 2 }));
    expect(service.published.of(StockReserved, orderId)).toHaveLength(1);
  });

  it('gives back what a canceled order held', async () => {
    const { id: productId } = await create({ stock: 5 });
    const orderId = uuidv7();
    const lines = [{ productId, quantity: 5 }];
    await created(orderId, lines);
    await pay(orderId);
    await service.published.next(StockReserved, orderId);
    await cancel(orderId);
    expect(await service.published.next(StockReleased, orderId)).toEqual({ orderId, lines });
    expect(await stockOf(productId)).toEqual({ available: 5, reserved: 0, sold: 0 });
  });

  it('holds nothing for an order whose payment failed or came too late', async () => {
    const { id: productId } = await create({ stock: 5 });
    const [failed, late] = [uuidv7(), uuidv7()];
    for (const orderId of [failed, late]) {
      await created(orderId, [{ productId, quantity: 1 }]);
    }
    const payment = { orderId: failed, paymentId: uuidv7(), amount: { amountMinor: 1, currency: 'EUR' } };
    await publishEvent(service.broker, PaymentFailed, { ...payment, reason: 'payment-declined' });
    for (const orderId of [failed, late]) {
      await cancel(orderId);
    }
    await eventually(async () => expect(await statusOf(late)).toBe('Withdrawn'));
    await pay(late);
    await eventually(async () => expect(await paid(late)).toBe(true));
    expect(await stockOf(productId)).toEqual({ available: 5, reserved: 0, sold: 0 });
  });

  it('rejects an order for more than the stock, and names the product', async () => {
    const { id: productId } = await create({ stock: 1 });
    const orderId = uuidv7();
    await created(orderId, [{ productId, quantity: 2 }]);
    await pay(orderId);
    expect(await service.published.next(StockRejected, orderId)).toEqual({
      orderId,
      reason: 'out-of-stock',
      productId,
    });
  });

  it('publishes a change notification, after the commit, for each product whose stock was reserved, given back or adjusted, and for no other', async () => {
    const { connection } = await service.broker.connect('gateway');
    const heard: string[] = [];
    connection.subscribe(productNotificationSubject('*'), {
      callback: (_error, { subject }) => {
        heard.push(subject);
      },
    });
    await connection.flush();
    const notificationsOf = (id: string): number =>
      heard.filter((subject) => subject === productNotificationSubject(id)).length;
    const [{ id: sold }, { id: wanted }] = [await create({ stock: 5 }), await create({ stock: 0 })];
    const [orderId, rejected] = [uuidv7(), uuidv7()];
    await created(orderId, [{ productId: sold, quantity: 2 }]);
    await pay(orderId);
    await eventually(() => expect(notificationsOf(sold)).toBe(1));
    await cancel(orderId);
    await eventually(() => expect(notificationsOf(sold)).toBe(2));
    const adjustment = { delta: 1, reason: 'found' };
    await service.caller.call(ProductsRpc.adjustStock, { id: sold, adjustment }, { actor: olga });
    await eventually(() => expect(notificationsOf(sold)).toBe(3));
    await created(rejected, [{ productId: wanted, quantity: 1 }]);
    await pay(rejected);
    await service.published.next(StockRejected, rejected);
    expect(notificationsOf(wanted)).toBe(0);
  });

  it('quotes for orders', async () => {
    const { id, sku, name, price } = await create();
    const { quotes } = await service.caller.call(ProductsRpc.quote, { productIds: [id, uuidv7()] });
    expect(quotes).toEqual([{ productId: id, sku, name, unitPrice: price }]);
  });

  it('quotes an archived product to a recovery, which asks without an actor, and to no customer', async () => {
    const { id } = await create();
    await service.caller.call(ProductsRpc.archive, { id, ifMatch: null }, { actor: olga });
    const quotedTo = async (options: CallOptions): Promise<readonly string[]> => {
      const { quotes } = await service.caller.call(ProductsRpc.quote, { productIds: [id] }, options);
      return quotes.map(({ productId }) => productId);
    };
    expect(await quotedTo({ actor: testActor() })).toEqual([]);
    expect(await quotedTo({})).toEqual([id]);
  });

  it('shows operators what an order holds and which events are handled', async () => {
    const { id: productId } = await create({ stock: 5 });
    const orderId = uuidv7();
    const trace = (eventIds: string[]) =>
      service.caller.call(OrderDiagnosisRpc.products, { id: orderId, eventIds }, { actor: olga });
    expect(await trace([])).toMatchObject({ reservation: null, events: { outbox: [], inbox: [] } });

    const eventId = await created(orderId, [{ productId, quantity: 1 }]);
    await eventually(async () =>
      expect(await trace([eventId])).toMatchObject({
        reservation: { status: 'Awaiting', linesKnown: true, paid: false },
        events: { outbox: [], inbox: [{ eventId, takenAt: someTime }] },
      }),
    );

    await pay(orderId);
    await eventually(async () =>
      expect(await trace([])).toMatchObject({
        reservation: { status: 'Reserved', paid: true },
        events: { outbox: [{ name: 'StockReserved', publishedAt: someTime }] },
      }),
    );
    const asked = service.caller.call(OrderDiagnosisRpc.products, { id: orderId, eventIds: [] }, { actor: alice });
    await expect(asked).rejects.toMatchObject({ status: 403 });
  });

  it('handles exactly the events of the registry', () => {
    const { handled, declared } = service.handledEvents();
    expect(handled).toEqual(declared);
  });

  const create = (changes: Parameters<typeof aProduct>[0] = {}): Promise<ProductView> =>
    service.caller.call(ProductsRpc.create, aProduct(changes), { actor: olga });

  const created = async (orderId: string, lines: { productId: string; quantity: number }[]): Promise<string> => {
    const total = { amountMinor: 1, currency: 'EUR' };
    const order = { orderId, customerId: 'alice', lines, total, sealedPaymentToken: 'sealed' };
    return publishEvent(service.broker, OrderCreated, order, { aggregateId: orderId });
  };

  const pay = async (orderId: string): Promise<void> => {
    const paymentId = uuidv7();
    const data = { orderId, paymentId, amount: { amountMinor: 1, currency: 'EUR' } };
    await publishEvent(service.broker, PaymentReserved, data, { aggregateId: paymentId });
    // Another event with the same content: the inbox does not know it, the reservation does.
    await publishEvent(service.broker, PaymentReserved, data, { aggregateId: paymentId, sequence: 2 });
  };

  const cancel = async (orderId: string): Promise<void> => {
    const data = { orderId, reason: 'customer-request' as const };
    await publishEvent(service.broker, OrderCanceled, data, { aggregateId: orderId });
  };

  const stockOf = async (productId: string): Promise<unknown> => {
    const sql = 'SELECT available::int, reserved::int, sold::int FROM stock WHERE product_id = $1';
    return (await service.database.query(sql, [productId]))[0];
  };

  const statusOf = async (orderId: string): Promise<string | undefined> =>
    (await service.database.query<{ status: string }>('SELECT status FROM reservations WHERE id = $1', [orderId]))[0]
      ?.status;

  const paid = async (orderId: string): Promise<boolean | undefined> =>
    (await service.database.query<{ paid: boolean }>('SELECT paid FROM reservations WHERE id = $1', [orderId]))[0]
      ?.paid;
});
