import { createHash } from 'node:crypto';
import { jest } from '@jest/globals';
import { type ProductSort, ProductsRpc } from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { aProduct, productsOnPostgres, type ProductsOnPostgres } from '../../test/products-on-postgres';

const INVALID_CURSOR = { status: 400, code: 'products.invalid-cursor', errors: [{ pointer: '#/query/cursor' }] };

describe('the pages of the catalog', () => {
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
    const { items } = await shop.pages.list({ q: 'OAK_', sort: 'name', limit: 20 });
    expect(items).toHaveLength(1);
    expect((await shop.pages.list({ q: 'pErCh 6', sort: 'name', limit: 20 })).items).toHaveLength(3);
  });

  it.each(['%', '_', '\\', "'; DROP TABLE products; --"])('match %j literally in a search', async (q) => {
    const { items } = await shop.pages.list({ q, sort: 'name', limit: 100 });
    for (const { name, sku, description } of items) {
      expect(`${name}${sku}${description}`).toContain(q);
    }
  });

  it('keep to a category', async () => {
    const { items, nextCursor } = await shop.pages.list({ category: 'odd', sort: 'price', limit: 100 });
    expect(items).toHaveLength(11);
    expect(nextCursor).toBeNull();
  });

  it('continue when the product at the cursor is archived meanwhile', async () => {
    const first = await shop.pages.list({ category: 'even', sort: 'createdAt', limit: 2 });
    const [, second] = first.items;
    await shop.products.archive(second?.id ?? '', null);
    const next = await shop.pages.list({
      category: 'even',
      sort: 'createdAt',
      limit: 100,
      cursor: first.nextCursor ?? '',
    });
    expect(next.items).toHaveLength(10);
  });

  it.each([
    ['another sort', { sort: 'price' as const }],
    ['another direction', { sort: '-name' as const }],
    ['a search', { sort: 'name' as const, q: 'x' }],
    ['another category', { sort: 'name' as const, category: 'odd' }],
    ['another currency', { sort: 'name' as const, currency: 'EUR' }],
  ])('refuse a cursor for %s than it was given for', async (_, query) => {
    const { nextCursor } = await shop.pages.list({ sort: 'name', limit: 1 });
    await expect(shop.pages.list({ ...query, limit: 1, cursor: nextCursor ?? '' })).rejects.toMatchObject(
      INVALID_CURSOR,
    );
  });

  it('accept a cursor with another page size', async () => {
    const [first, ...others] = (await shop.pages.list({ sort: 'name', limit: 100 })).items;
    const { items, nextCursor } = await shop.pages.list({ sort: 'name', limit: 1 });
    expect(items).toEqual([first]);
    expect((await shop.pages.list({ sort: 'name', limit: 100, cursor: nextCursor ?? '' })).items).toEqual(others);
  });

  it('refuse a cursor forged from visible values', async () => {
    const [seen] = (await shop.pages.list({ sort: 'name', limit: 1 })).items;
    const binding = createHash('sha256')
      .update(JSON.stringify(['name', null, null]))
      .digest();
    const id = Buffer.from((seen?.id ?? '').replaceAll('-', ''), 'hex');
    const cursor = Buffer.concat([id, binding.subarray(0, 12)]).toString('base64url');
    await expect(shop.pages.list({ sort: 'name', limit: 1, cursor })).rejects.toMatchObject(INVALID_CURSOR);
  });

  async function everyPage(sort: ProductSort) {
    const items = [];
    let cursor: string | undefined;
    do {
      const page = await shop.pages.list({ sort, limit: 4, cursor });
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return items;
  }
});

describe('a page after which something changes', () => {
  let shop: ProductsOnPostgres;

  beforeAll(async () => {
    shop = await productsOnPostgres();
  });
  afterAll(() => shop.stop());

  /** A to D at 1 to 4, of which two are seen; then something happens, then the rest is read. */
  async function walk(sort: ProductSort, happens: (idOf: (name: string) => string) => Promise<unknown>) {
    const category = uuidv7();
    const ids = new Map<string, string>();
    for (const [index, name] of ['A', 'B', 'C', 'D'].entries()) {
      const price = { amountMinor: (index + 1) * 100, currency: 'EUR' };
      ids.set(name, (await shop.products.create(aProduct({ name, category, price }))).id);
    }
    const first = await shop.pages.list({ category, sort, limit: 2 });
    await happens((name) => ids.get(name) ?? '');
    const rest = await shop.pages.list({ category, sort, limit: 100, cursor: first.nextCursor ?? '' });
    const nameOf = new Map([...ids].map(([name, id]) => [id, name]));
    const names = (page: typeof first): string => page.items.map(({ id }) => nameOf.get(id)).join('');
    return [names(first), names(rest)];
  }
  const priced = (amountMinor: number) => ({ price: { amountMinor, currency: 'EUR' } });

  it('skips no product when the last one of the page becomes more expensive: only that one appears again', async () => {
    expect(await walk('price', (idOf) => shop.products.change(idOf('B'), null, priced(350)))).toEqual(['AB', 'CBD']);
  });

  it('repeats no product when the last one of the page becomes cheaper', async () => {
    expect(await walk('price', (idOf) => shop.products.change(idOf('B'), null, priced(50)))).toEqual(['AB', 'CD']);
  });

  it.each(['name', '-name'] as const)('continues by %s when the last product is renamed', async (sort) => {
    const [first, rest] = sort === 'name' ? ['AB', 'CDB'] : ['DC', 'CBA'];
    const renamed = sort === 'name' ? 'B' : 'C';
    const name = sort === 'name' ? 'Z' : 'BB';
    expect(await walk(sort, (idOf) => shop.products.change(idOf(renamed), null, { name }))).toEqual([first, rest]);
  });

  it.each(['name', 'price', 'createdAt'] as const)(
    'goes on by %s when the last product is archived or gone',
    async (sort) => {
      expect(await walk(sort, (idOf) => shop.products.archive(idOf('B'), null))).toEqual(['AB', 'CD']);
      const deleted = walk(sort, async (idOf) => {
        await shop.database.query('DELETE FROM stock WHERE product_id = $1', [idOf('B')]);
        await shop.database.query('DELETE FROM products WHERE id = $1', [idOf('B')]);
      });
      expect(await deleted).toEqual(['AB', 'CD']);
    },
  );

  it('reveals nothing by an old cursor about the later price of an archived product', async () => {
    const [, rest] = await walk('price', async (idOf) => {
      await shop.products.archive(idOf('B'), null);
      await shop.database.query('UPDATE products SET price_minor = 1000 WHERE id = $1', [idOf('B')]);
    });
    expect(rest).toBe('CD');
  });

  it.each(['createdAt', '-createdAt'] as const)('distinguishes microseconds: %s', async (sort) => {
    const category = uuidv7();
    const ids: string[] = [];
    for (const micros of ['123001', '123002', '123500', '123999', '124000']) {
      const { id } = await shop.products.create(aProduct({ category }));
      const at = `2026-11-30 10:00:00.${micros}+00`;
      await shop.database.query('UPDATE products SET created_at = $2 WHERE id = $1', [id, at]);
      ids.push(id);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await shop.pages.list({ category, sort, limit: 1, cursor });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && seen.length < 10);
    expect(seen).toEqual(sort === 'createdAt' ? ids : ids.toReversed());
  });

  it('issues cursors that its contract accepts, however long and odd a name is', async () => {
    for (const character of ['語', '"', '\\', '\u0001', '🦉']) {
      const category = uuidv7();
      const name = character.repeat(200 / character.length);
      for (let count = 0; count < 2; count += 1) {
        await shop.products.create(aProduct({ name, category }));
      }
      const { nextCursor } = await shop.pages.list({ category, sort: 'name', limit: 1 });
      const request = ProductsRpc.list.request.parse({ category, limit: 1, cursor: nextCursor });
      expect((await shop.pages.list(request)).items).toHaveLength(1);
    }
  });
});

describe('the catalog in many languages and currencies', () => {
  let shop: ProductsOnPostgres;

  beforeAll(async () => {
    shop = await productsOnPostgres();
  });
  afterAll(() => shop.stop());

  it.each(['name', '-name'] as const)('sorts names as a dictionary does, page by page: %s', async (sort) => {
    const category = uuidv7();
    for (const name of ['Banana', 'Zebra', 'apple', 'Ähre', 'Apple', 'banana', 'Éclair', 'ähre']) {
      await shop.products.create(aProduct({ name, category }));
    }
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await shop.pages.list({ category, sort, limit: 1, cursor });
      names.push(...page.items.map(({ name }) => name));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    const ascending = ['ähre', 'Ähre', 'apple', 'Apple', 'banana', 'Banana', 'Éclair', 'Zebra'];
    expect(names).toEqual(sort === 'name' ? ascending : ascending.toReversed());
  });

  it('finds a name and a category by either spelling of an accent', async () => {
    const [composed, decomposed] = ['Caf\u00e9', 'Cafe\u0301'];
    const { id } = await shop.products.create(aProduct({ name: decomposed, category: decomposed }));
    for (const text of [composed, decomposed]) {
      for (const query of [{ q: text }, { category: text }]) {
        const { items } = await shop.pages.list(ProductsRpc.list.request.parse({ ...query, limit: 10 }));
        expect(items.map((item) => item.id)).toEqual([id]);
      }
    }
    expect(await shop.queries.get(id)).toMatchObject({ name: composed, category: composed });
  });

  it('shows a product whose currency has been withdrawn, by id, in lists and in quotes', async () => {
    const category = uuidv7();
    const { id } = await shop.products.create(aProduct({ category }));
    await shop.database.query(`UPDATE products SET currency = 'QQQ' WHERE id = $1`, [id]);
    const price = { amountMinor: 2_490, currency: 'QQQ' };
    expect(ProductsRpc.get.response.parse(await shop.queries.get(id))).toMatchObject({ price });
    const page = await shop.pages.list({ category, sort: 'name', limit: 1 });
    expect(ProductsRpc.list.response.parse(page).items).toMatchObject([{ price }]);
    const quotes = await shop.queries.quote([id]);
    expect(ProductsRpc.quote.response.parse({ quotes })).toMatchObject({ quotes: [{ unitPrice: price }] });
    await shop.products.archive(id, null);
  });

  it('sorts by price within one currency only, and explains the refusal', async () => {
    const category = uuidv7();
    const priced = (amountMinor: number, currency: string) => ({ category, price: { amountMinor, currency } });
    const dearYen = await shop.products.create(aProduct(priced(90_000, 'JPY')));
    const cheapYen = await shop.products.create(aProduct(priced(1_000, 'JPY')));
    await shop.products.create(aProduct(priced(500, 'EUR')));

    for (const sort of ['price', '-price'] as const) {
      await expect(shop.pages.list({ category, sort, limit: 10 })).rejects.toMatchObject({
        status: 400,
        code: 'products.prices-not-comparable',
        errors: [{ pointer: '#/query/currency' }],
      });
    }
    const { items } = await shop.pages.list({ category, sort: 'price', currency: 'JPY', limit: 10 });
    expect(items.map(({ id }) => id)).toEqual([cheapYen.id, dearYen.id]);
    expect((await shop.pages.list({ category, sort: 'name', limit: 10 })).items).toHaveLength(3);
    for (const { id } of items) {
      await shop.products.archive(id, null);
    }
    expect((await shop.pages.list({ category, sort: 'price', limit: 10 })).items).toHaveLength(1);
  });

  it.each(['name', '-name', 'price', '-price', 'createdAt', '-createdAt'] as const)(
    'reads a page by an index: %s',
    async (sort) => {
      for (let count = 0; count < 2; count += 1) {
        await shop.products.create(aProduct());
      }
      const { nextCursor } = await shop.pages.list({ sort, currency: 'EUR', limit: 1 });
      const query = jest.spyOn(shop.dataSource, 'query');
      await shop.pages.list({ sort, currency: 'EUR', limit: 2, cursor: nextCursor ?? undefined });
      const asked = query.mock.calls.map(([sql, parameters]) => ({ sql, parameters }));
      query.mockRestore();
      expect(asked).not.toEqual([]);
      await shop.dataSource.transaction(async (tx) => {
        // The table is small; what counts is that there is an index that gives this order.
        await tx.query('SET LOCAL enable_seqscan = off');
        for (const { sql, parameters } of asked) {
          const plan = JSON.stringify(await tx.query(`EXPLAIN (FORMAT JSON) ${sql}`, parameters));
          expect(plan).not.toContain('"Sort"');
          expect(plan).toContain('"Index Cond"');
        }
      });
    },
  );
});
