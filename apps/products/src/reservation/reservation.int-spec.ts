import fc from 'fast-check';
import { type EventContract, StockRejected, StockReserved } from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { aProduct, productsOnPostgres, type ProductsOnPostgres } from '../../test/products-on-postgres';

describe('reservations on Postgres', () => {
  let shop: ProductsOnPostgres;

  beforeAll(async () => {
    shop = await productsOnPostgres();
  });
  afterAll(() => shop.stop());

  it('give the last unit to exactly one of fifty buyers', async () => {
    const { id: productId } = await shop.products.create(aProduct({ stock: 1 }));
    const orders = Array.from({ length: 50 }, () => uuidv7());
    await Promise.all(orders.map((orderId) => buy(orderId, [{ productId, quantity: 1 }])));
    expect(await outcomes(orders)).toEqual({ Reserved: 1, Rejected: 49 });
    expect(await stockOf(productId)).toEqual({ available: 0, reserved: 1, sold: 0 });
    expect(await eventCount(StockReserved, orders)).toBe(1);
    expect(await eventCount(StockRejected, orders)).toBe(49);
  });

  it('reserve nothing of an order of which one line is short', async () => {
    const { id: plenty } = await shop.products.create(aProduct({ stock: 10 }));
    const { id: short } = await shop.products.create(aProduct({ stock: 1 }));
    const orderId = uuidv7();
    await buy(orderId, [
      { productId: plenty, quantity: 1 },
      { productId: short, quantity: 2 },
    ]);
    expect(await outcomes([orderId])).toEqual({ Rejected: 1 });
    expect(await stockOf(plenty)).toEqual({ available: 10, reserved: 0, sold: 0 });
  });

  it('reject an order for a product that was archived meanwhile', async () => {
    const { id: productId } = await shop.products.create(aProduct({ stock: 10 }));
    await shop.products.archive(productId, null);
    const orderId = uuidv7();
    await buy(orderId, [{ productId, quantity: 1 }]);
    const [event] = await shop.database.query<{ data: unknown }>('SELECT data FROM outbox WHERE aggregate_id = $1', [
      orderId,
    ]);
    expect(event?.data).toEqual({ orderId, reason: 'product-unavailable', productId });
  });

  it('do not deadlock when many orders want the same products in different order', async () => {
    const ids = await Promise.all(
      Array.from({ length: 4 }, async () => (await shop.products.create(aProduct({ stock: 20 }))).id),
    );
    const orders = Array.from({ length: 40 }, () => uuidv7());
    await Promise.all(
      orders.map((orderId, index) => {
        const wanted = index % 2 === 0 ? ids : ids.toReversed();
        return buy(
          orderId,
          wanted.map((productId) => ({ productId, quantity: 1 })),
        );
      }),
    );
    expect(await outcomes(orders)).toEqual({ Reserved: 20, Rejected: 20 });
    for (const id of ids) {
      expect(await stockOf(id)).toEqual({ available: 0, reserved: 20, sold: 0 });
    }
  });

  it('ship a confirmed order and give back a canceled one', async () => {
    const { id: productId } = await shop.products.create(aProduct({ stock: 10 }));
    const [confirmed, canceled] = [uuidv7(), uuidv7()];
    for (const orderId of [confirmed, canceled]) {
      await buy(orderId, [{ productId, quantity: 3 }]);
    }
    await shop.reservations.orderConfirmed(confirmed);
    await shop.reservations.orderCanceled(canceled);
    expect(await stockOf(productId)).toEqual({ available: 7, reserved: 0, sold: 3 });
    expect(await outcomes([confirmed, canceled])).toEqual({ Shipped: 1, Released: 1 });
  });

  it('reserve nothing for an order whose cancellation came first', async () => {
    const { id: productId } = await shop.products.create(aProduct({ stock: 10 }));
    const orderId = uuidv7();
    await shop.reservations.orderCanceled(orderId);
    await buy(orderId, [{ productId, quantity: 3 }]);
    expect(await stockOf(productId)).toEqual({ available: 10, reserved: 0, sold: 0 });
  });

  it('keep I4 and I5 when the events of canceled orders come in any order, each several times, at once', async () => {
    const { id: productId } = await shop.products.create(aProduct({ stock: 5 }));
    const deliveries = fc.array(fc.constantFrom('created', 'paid', 'canceled'), { minLength: 3, maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(fc.array(deliveries, { minLength: 1, maxLength: 6 }), async (orders) => {
        const ids = orders.map(() => uuidv7());
        await Promise.all(orders.map((steps, index) => deliver(ids[index] ?? '', productId, [...steps, 'canceled'])));
        expect(await stockOf(productId)).toEqual({ available: 5, reserved: 0, sold: 0 });
      }),
      { numRuns: 15 },
    );
  });

  const buy = async (orderId: string, lines: { productId: string; quantity: number }[]): Promise<void> => {
    await Promise.all([shop.reservations.orderCreated(orderId, lines), shop.reservations.paymentReserved(orderId)]);
  };

  /** All deliveries at once, each kind of event with one id, as a broker repeats it. */
  const deliver = async (orderId: string, productId: string, steps: readonly ('created' | 'paid' | 'canceled')[]) => {
    const ids = { created: uuidv7(), paid: uuidv7(), canceled: uuidv7() };
    const effects = {
      created: () => shop.reservations.orderCreated(orderId, [{ productId, quantity: 1 }]),
      paid: () => shop.reservations.paymentReserved(orderId),
      canceled: () => shop.reservations.orderCanceled(orderId),
    };
    await Promise.all(
      steps.map((step) =>
        shop.inbox.once({ id: ids[step], aggregateId: orderId, sequence: 1, skipsGap: false }, effects[step]),
      ),
    );
  };

  const stockOf = async (productId: string): Promise<unknown> => {
    const sql = 'SELECT available::int, reserved::int, sold::int FROM stock WHERE product_id = $1';
    return (await shop.database.query(sql, [productId]))[0];
  };

  const outcomes = async (orderIds: readonly string[]): Promise<Record<string, number>> => {
    const rows = await shop.database.query<{ status: string; count: number }>(
      'SELECT status, count(*)::int AS count FROM reservations WHERE id = ANY($1) GROUP BY status',
      [orderIds],
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  };

  const eventCount = async ({ name }: EventContract, orderIds: readonly string[]): Promise<number | undefined> => {
    const sql = 'SELECT count(*)::int AS count FROM outbox WHERE name = $1 AND aggregate_id = ANY($2)';
    return (await shop.database.query<{ count: number }>(sql, [name, orderIds]))[0]?.count;
  };
});
