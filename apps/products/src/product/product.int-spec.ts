import { StaleVersion } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { aProduct, productsOnPostgres, type ProductsOnPostgres } from '../../test/products-on-postgres';
import { StockWouldBeNegative, StockWouldOverflow } from '../stock/stock.errors';
import { ProductNotFound, SkuTaken } from './product.errors';

describe('the catalog on Postgres', () => {
  let shop: ProductsOnPostgres;

  beforeAll(async () => {
    shop = await productsOnPostgres();
  });
  afterAll(() => shop.stop());

  it('shows a created product and records its event in the same transaction', async () => {
    const created = await shop.products.create(aProduct({ name: 'Owl feeder', category: 'birds', stock: 7 }));
    expect(await shop.queries.get(created.id)).toEqual(created);
    expect(created).toMatchObject({ name: 'Owl feeder', description: null, stock: { available: 7 }, version: 1 });
    expect(await eventsOf(created.id)).toEqual([{ productId: created.id, version: 1, change: 'created' }]);
  });

  it('refuses a second product with the same SKU and stores nothing of it', async () => {
    const first = await shop.products.create(aProduct());
    const before = await countOf('outbox');
    await expect(shop.products.create(aProduct({ sku: first.sku }))).rejects.toThrow(SkuTaken);
    expect(await countOf('outbox')).toBe(before);
  });

  it('changes the named fields, clears those that are null, leaves the rest', async () => {
    const { id } = await shop.products.create(aProduct({ description: 'Of oak', category: 'birds' }));
    const changed = await shop.products.change(id, [1], {
      description: null,
      price: { amountMinor: 1, currency: 'JPY' },
    });
    expect(changed).toMatchObject({
      name: 'Nest box',
      description: null,
      category: 'birds',
      price: { amountMinor: 1, currency: 'JPY' },
      version: 2,
    });
    expect(await eventsOf(id)).toContainEqual({ productId: id, version: 2, change: 'changed' });
  });

  it('accepts one of many parallel changes of the same version and refuses the others', async () => {
    const { id } = await shop.products.create(aProduct());
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) => shop.products.change(id, [1], { name: `Name ${index}` })),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }): unknown => reason);
    expect(refused).toHaveLength(9);
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(StaleVersion);
      expect(reason).toMatchObject({ status: 412, code: 'products.stale-version' });
    }
    expect((await shop.queries.get(id)).version).toBe(2);
  });

  it('does not show an archived product', async () => {
    const { id } = await shop.products.create(aProduct({ stock: 3 }));
    await shop.products.archive(id, null);
    await expect(shop.queries.get(id)).rejects.toThrow(ProductNotFound);
    await expect(shop.products.change(id, null, { name: 'Other' })).rejects.toThrow(ProductNotFound);
    await expect(shop.products.archive(id, null)).rejects.toThrow(ProductNotFound);
    await expect(shop.products.adjustStock(id, { delta: 1, reason: 'found' }, 'olga')).rejects.toThrow(ProductNotFound);
    expect(await shop.queries.quote([id])).toEqual([]);
    expect(await shop.queries.quote([id], { includeArchived: true })).toMatchObject([{ productId: id }]);
  });

  it('answers nothing for an unknown id', async () => {
    const id = uuidv7();
    await expect(shop.queries.get(id)).rejects.toThrow(ProductNotFound);
    await expect(shop.products.change(id, null, { name: 'Other' })).rejects.toThrow(ProductNotFound);
    await expect(shop.products.adjustStock(id, { delta: 1, reason: 'found' }, 'olga')).rejects.toThrow(ProductNotFound);
  });

  it('quotes names and prices of the products that are sold', async () => {
    const { id, sku } = await shop.products.create(aProduct());
    expect(await shop.queries.quote([id, uuidv7()])).toEqual([
      { productId: id, sku, name: 'Nest box', unitPrice: { amountMinor: 24_90, currency: 'EUR' } },
    ]);
  });

  it('records who adjusted the stock and why', async () => {
    const { id } = await shop.products.create(aProduct({ stock: 5 }));
    const adjusted = await shop.products.adjustStock(id, { delta: -2, reason: 'broken' }, 'olga');
    expect(adjusted.stock.available).toBe(3);
    const rows = await shop.database.query(
      'SELECT delta::int, available_after::int, reason, actor FROM stock_adjustments WHERE product_id = $1',
      [id],
    );
    expect(rows).toEqual([{ delta: -2, available_after: 3, reason: 'broken', actor: 'olga' }]);
  });

  it('never lets parallel adjustments take more than there is', async () => {
    const { id } = await shop.products.create(aProduct({ stock: 10 }));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, () => shop.products.adjustStock(id, { delta: -1, reason: 'sample' }, 'olga')),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }): unknown => reason);
    expect(refused).toHaveLength(20);
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(StockWouldBeNegative);
    }
    expect((await shop.queries.get(id)).stock.available).toBe(0);
  });

  it('refuses stock beyond what the contract can carry', async () => {
    const { id } = await shop.products.create(aProduct({ stock: 1_000_000_000 }));
    await expect(shop.products.adjustStock(id, { delta: 1, reason: 'more' }, 'olga')).rejects.toThrow(
      StockWouldOverflow,
    );
  });

  const countOf = async (table: string): Promise<number | undefined> =>
    (await shop.database.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`))[0]?.count;

  const eventsOf = async (aggregateId: string): Promise<unknown[]> => {
    const sql = 'SELECT data FROM outbox WHERE aggregate_id = $1 ORDER BY sequence';
    return (await shop.database.query<{ data: unknown }>(sql, [aggregateId])).map(({ data }) => data);
  };
});
