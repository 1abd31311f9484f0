import type { ProductSort, ProductView } from '@rookery/contracts';
import { fillCatalog, PRODUCTS } from '../../test/large-catalog';
import { productsOnPostgres, type ProductsOnPostgres } from '../../test/products-on-postgres';

describe(`a search among ${PRODUCTS} products`, () => {
  let shop: ProductsOnPostgres;

  beforeAll(async () => {
    shop = await productsOnPostgres();
    await fillCatalog(shop.database);
  }, 60_000);
  afterAll(() => shop.stop());

  /** What a comparison of every product finds. */
  async function matching(q: string, order: string): Promise<readonly string[]> {
    const rows = await shop.database.query<{ id: string }>(
      `SELECT id FROM products WHERE name ILIKE $1 OR sku ILIKE $1 OR description ILIKE $1 ORDER BY ${order}`,
      [`%${q}%`],
    );
    return rows.map(({ id }) => id);
  }

  async function pagesOf(q: string, sort: ProductSort, limit = 100): Promise<readonly (readonly ProductView[])[]> {
    const pages: (readonly ProductView[])[] = [];
    let cursor: string | undefined;
    do {
      const page = await shop.pages.list({ q, sort, limit, cursor, currency: sort === 'price' ? 'EUR' : undefined });
      pages.push(page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return pages;
  }

  it.each([
    ['what is in few products', 'no other'],
    ['what is in many', '77'],
    ['what is in more than are sorted', 'Zebra 1'],
    ['what is in no product, though its parts are in most', 'bra zeb'],
    ['two letters', 'az'],
    ['a part of an SKU', 's-123'],
  ])('finds every product once and in order: %s', async (_, q) => {
    const byName = (await pagesOf(q, '-name')).flat().map(({ id }) => id);
    expect(byName).toEqual(await matching(q, 'name COLLATE "und-x-icu" DESC, id DESC'));
    const byAge = (await pagesOf(q, 'createdAt')).flat().map(({ id }) => id);
    expect(byAge).toEqual(await matching(q, 'created_at, id'));
  });

  it('fills each page when at most 10,000 products match', async () => {
    const pages = await pagesOf('zebra 1', 'name');
    expect(pages.slice(0, -1).every((page) => page.length === 100)).toBe(true);
  });

  it('ends a page early rather than look at more than 1,000 products, and continues there', async () => {
    const found = await pagesOf('zebra', 'name');
    // Behind 8,000 aardvarks.
    expect(found.slice(0, 9).map((page) => page.length)).toEqual([...new Array<number>(8).fill(0), 100]);
    expect(found.flat()).toHaveLength((PRODUCTS * 3) / 5);
  });
});
