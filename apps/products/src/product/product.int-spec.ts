import type { ProductSort } from '@rookery/contracts';
import { StaleVersion } from '@rookery/persistence';
import { uuidv7 } from '@rookery/platform';
import { aProduct, productsOnPostgres, type ProductsOnPostgres } from '../../test/products-on-postgres';
import { StockWouldBeNegative, StockWouldOverflow } from '../stock/stock.errors';
import { encodeCursor } from './product-cursor';
import { InvalidCursor, ProductNotFound, SkuTaken } from './product.errors';

describe('the catalogue on Postgres', () => {
  let shop: ProductsOnPostgres;

  beforeAll(async () => {
    shop = await productsOnPostgres();
  });
  afterAll(() => shop.stop());

  it('shows a created product and tells of it in the same transaction', async () => {
    const created = await shop.products.create(aProduct({ name: 'Owl feeder', category: 'birds', stock: 7 }));
    expect(await shop.catalogue.get(created.id)).toEqual(created);
    expect(created).toMatchObject({ name: 'Owl feeder', description: null, stock: { available: 7 }, version: 1 });
    expect(await eventsOf(created.id)).toEqual([{ productId: created.id, version: 1, change: 'created' }]);
  });

  it('refuses a second product with the same SKU and keeps nothing of it', async () => {
    const first = await shop.products.create(aProduct());
    const before = await countOf('outbox');
    await expect(shop.products.create(aProduct({ sku: first.sku }))).rejects.toThrow(SkuTaken);
    expect(await countOf('outbox')).toBe(before);
  });

  it('changes what is named, clears what is null, leaves the rest', async () => {
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

  it('lets one of many parallel changes of the same version through and refuses the others', async () => {
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
    expect((await shop.catalogue.get(id)).version).toBe(2);
  });

  it('knows an archived product no more', async () => {
    const { id } = await shop.products.create(aProduct({ stock: 3 }));
    await shop.products.archive(id, null);
    await expect(shop.catalogue.get(id)).rejects.toThrow(ProductNotFound);
    await expect(shop.products.change(id, null, { name: 'Other' })).rejects.toThrow(ProductNotFound);
    await expect(shop.products.archive(id, null)).rejects.toThrow(ProductNotFound);
    await expect(shop.products.adjustStock(id, { delta: 1, reason: 'found' }, 'olga')).rejects.toThrow(ProductNotFound);
    expect(await shop.catalogue.quote([id])).toEqual([]);
  });

  it('knows nothing of an id that never was', async () => {
    const id = uuidv7();
    await expect(shop.catalogue.get(id)).rejects.toThrow(ProductNotFound);
    await expect(shop.products.change(id, null, { name: 'Other' })).rejects.toThrow(ProductNotFound);
    await expect(shop.products.adjustStock(id, { delta: 1, reason: 'found' }, 'olga')).rejects.toThrow(ProductNotFound);
  });

  it('quotes names and prices of the products that are sold', async () => {
    const { id, sku } = await shop.products.create(aProduct());
    expect(await shop.catalogue.quote([id, uuidv7()])).toEqual([
      { productId: id, sku, name: 'Nest box', unitPrice: { amountMinor: 24_90, currency: 'EUR' } },
    ]);
  });

  it('keeps who adjusted the stock and why', async () => {
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
    for (const reason of refused) expect(reason).toBeInstanceOf(StockWouldBeNegative);
    expect((await shop.catalogue.get(id)).stock.available).toBe(0);
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

describe('the pages of the catalogue', () => {
  let shop: ProductsOnPostgres;

  beforeAll(async () => {
    shop = await productsOnPostgres();
    // Equal names and prices, so that only the id tells some apart.
    for (let index = 0; index < 23; index += 1) {
      await shop.products.create(
        aProduct({
          name: `Perch ${index % 7}`,
          category: index % 2 === 0 ? 'even' : 'odd',
          description: index === 3 ? '100% oak_wood \\ waxed' : undefined,
          price: { amountMinor: (index * 37) % 5, currency: 'EUR' },
        }),
      );
    }
  });
  afterAll(() => shop.stop());

  const sorts: readonly ProductSort[] = ['name', '-name', 'price', '-price', 'createdAt', '-createdAt'];
  const keys = {
    name: 'name',
    '-name': 'name',
    price: 'price',
    '-price': 'price',
    createdAt: 'createdAt',
    '-createdAt': 'createdAt',
  } as const;

  it.each(sorts)('visit each product once and in order: %s', async (sort) => {
    const seen = await everyPage(sort);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(23);
    expect(seen).toHaveLength(23);
    const values = seen.map((product) => {
      const key = keys[sort];
      return key === 'price' ? String(product.price.amountMinor) : product[key];
    });
    const ascending = [...values].sort();
    expect(values).toEqual(sort.startsWith('-') ? ascending.reverse() : ascending);
  });

  it('find by any part of name, SKU or description, whatever the case', async () => {
    const { items } = await shop.catalogue.list({ q: 'OAK_', sort: 'name', limit: 20 });
    expect(items).toHaveLength(1);
    expect((await shop.catalogue.list({ q: 'pErCh 6', sort: 'name', limit: 20 })).items).toHaveLength(3);
  });

  it.each(['%', '_', '\\', "'; DROP TABLE products; --"])('take %j in a search for itself', async (q) => {
    const { items } = await shop.catalogue.list({ q, sort: 'name', limit: 100 });
    for (const { name, sku, description } of items) expect(`${name}${sku}${description}`).toContain(q);
  });

  it('keep to a category', async () => {
    const { items, nextCursor } = await shop.catalogue.list({ category: 'odd', sort: 'price', limit: 100 });
    expect(items).toHaveLength(11);
    expect(nextCursor).toBeNull();
  });

  it('go on when the product at the cursor is archived meanwhile', async () => {
    const first = await shop.catalogue.list({ category: 'even', sort: 'createdAt', limit: 2 });
    const [, second] = first.items;
    await shop.products.archive(second?.id ?? '', null);
    const next = await shop.catalogue.list({
      category: 'even',
      sort: 'createdAt',
      limit: 100,
      cursor: first.nextCursor ?? '',
    });
    expect(next.items).toHaveLength(10);
  });

  it('refuse a cursor of another sort or filter, and one that names no product', async () => {
    const { nextCursor } = await shop.catalogue.list({ sort: 'name', limit: 1 });
    const cursor = nextCursor ?? '';
    await expect(shop.catalogue.list({ sort: 'price', limit: 1, cursor })).rejects.toThrow(InvalidCursor);
    await expect(shop.catalogue.list({ q: 'x', sort: 'name', limit: 1, cursor })).rejects.toThrow(InvalidCursor);
    const forged = encodeCursor(uuidv7(), { sort: 'name' });
    await expect(shop.catalogue.list({ sort: 'name', limit: 1, cursor: forged })).rejects.toThrow(InvalidCursor);
  });

  async function everyPage(sort: ProductSort) {
    const items = [];
    let cursor: string | undefined;
    do {
      const page = await shop.catalogue.list({ sort, limit: 4, cursor });
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return items;
  }
});
