import { MAX_RECORDS, ReconciliationRpc } from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { aProduct, productsOnPostgres, type ProductsOnPostgres } from '../../test/products-on-postgres';

const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

describe('the records of products', () => {
  let shop: ProductsOnPostgres;
  let productId: string;
  /** Below the ids of the orders of one test. */
  let after: string;

  beforeAll(async () => {
    shop = await productsOnPostgres();
    // What a row may not say in production, a spec must be able to plant.
    await shop.database.query('ALTER TABLE stock DROP CONSTRAINT stock_adds_up');
  });
  beforeEach(async () => {
    ({ id: productId } = await shop.products.create(aProduct({ stock: 100 })));
    after = uuidv7();
  });
  afterAll(() => shop.stop());

  const reserved = async (quantity: number): Promise<string> => {
    const orderId = uuidv7();
    await shop.reservations.orderCreated(orderId, [{ productId, quantity }]);
    await shop.reservations.paymentReserved(orderId);
    return orderId;
  };
  const list = (limit = MAX_RECORDS) => shop.records.reservations({ after, upTo: LAST, limit });
  const unbalanced = async () => ReconciliationRpc.stock.response.parse(await shop.records.unbalanced(200));

  it('show where the units of each order are', async () => {
    const [held, sold, returned] = [await reserved(1), await reserved(2), await reserved(3)];
    const rejected = await reserved(1_000);
    await shop.reservations.orderConfirmed(sold);
    await shop.reservations.orderCanceled(returned);
    const awaited = uuidv7();
    await shop.reservations.orderCreated(awaited, [{ productId, quantity: 4 }]);
    const unheard = uuidv7();
    await shop.reservations.orderCanceled(unheard);
    const line = (quantity: number) => [{ productId, quantity }];
    expect(ReconciliationRpc.reservations.response.parse(await list())).toEqual({
      upTo: LAST,
      items: [
        { orderId: held, status: 'Reserved', units: 'held', lines: line(1) },
        { orderId: sold, status: 'Shipped', units: 'sold', lines: line(2) },
        { orderId: returned, status: 'Released', units: 'none', lines: line(3) },
        { orderId: rejected, status: 'Rejected', units: 'none', lines: line(1_000) },
        { orderId: awaited, status: 'Awaiting', units: 'awaited', lines: line(4) },
        { orderId: unheard, status: 'Withdrawn', units: 'none', lines: [] },
      ],
    });
    expect((await list(2)).upTo).toBe(sold);
  });

  it('find all stock in balance after every movement', async () => {
    await reserved(5);
    await shop.reservations.orderConfirmed(await reserved(7));
    await shop.reservations.orderCanceled(await reserved(9));
    await shop.products.adjustStock(productId, { delta: -3, reason: 'broken' }, 'olga');
    expect(await unbalanced()).toMatchObject({ total: 0, items: [] });
  });

  it('find all stock in balance while units move', async () => {
    let moving = true;
    const movement = async (): Promise<void> => {
      while (moving) {
        const orderId = await reserved(1);
        await (Math.random() < 0.5
          ? shop.reservations.orderConfirmed(orderId)
          : shop.reservations.orderCanceled(orderId));
      }
    };
    const movements = Array.from({ length: 4 }, movement);
    const checks: unknown[] = [];
    for (let check = 0; check < 50; check += 1) {
      checks.push((await unbalanced()).items);
    }
    moving = false;
    await Promise.all(movements);
    expect(checks.flat()).toEqual([]);
  });

  it.each([
    ['sold = sold + 1, available = available - 1', { sold: 8, shipped: 7 }],
    ['reserved = reserved - 1, available = available + 1', { reserved: 4, held: 5 }],
    ['available = available + 1', { initial: 100, adjusted: -3, available: 86, reserved: 5, sold: 7 }],
    ['adjusted = adjusted + 1, available = available + 1', { adjusted: -2, adjustments: -3 }],
  ])('show a product whose %s', async (change, expected) => {
    await reserved(5);
    await shop.reservations.orderConfirmed(await reserved(7));
    await shop.products.adjustStock(productId, { delta: -3, reason: 'broken' }, 'olga');
    await shop.database.query(`UPDATE stock SET ${change} WHERE product_id = $1`, [productId]);
    const check = await unbalanced();
    expect(check).toMatchObject({ total: 1, items: [{ productId, ...expected }] });
    await shop.database.query('DELETE FROM stock WHERE product_id = $1', [productId]);
  });
});
