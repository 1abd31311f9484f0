import { ListProducts, ProductsRpc } from '@rookery/contracts';
import { cacheKey } from './cache-key';

const keyOf = (query: unknown): string => cacheKey(ProductsRpc.list, query);

describe('a cache key', () => {
  it('differs for each value of each parameter in the contract', () => {
    const values: Readonly<Record<string, readonly string[]>> = {
      q: ['nest', 'box'],
      category: ['homes', 'food'],
      sort: ['price', '-price'],
      limit: ['5', '6'],
      cursor: ['a', 'b'],
    };
    const queries = [{}, ...Object.entries(values).flatMap(([name, all]) => all.map((value) => ({ [name]: value })))];
    const keys = queries.map((query) => keyOf(ListProducts.parse(query)));
    expect(new Set(keys).size).toBe(queries.length);
  });

  it('differs for each value of a parameter that is added later', () => {
    const query = ListProducts.parse({});
    const keys = [query, { ...query, brand: 'A' }, { ...query, brand: 'B' }, { ...query, brand: ['A', 'B'] }].map(
      keyOf,
    );
    expect(new Set(keys).size).toBe(4);
  });

  it('is the same for every spelling of a query: in any order, with defaults given or left out', () => {
    const spelled = [
      { q: 'nest', limit: '20', sort: 'name' },
      { sort: 'name', q: 'nest' },
      { q: 'nest', category: undefined },
    ];
    expect(new Set(spelled.map((query) => keyOf(ListProducts.parse(query)))).size).toBe(1);
    expect(keyOf({ a: { b: 1, c: 2 } })).toBe(keyOf({ a: { c: 2, b: 1 } }));
  });

  it('differs for values that look alike', () => {
    const queries = [{ q: '1' }, { q: 1 }, { q: ['1'] }, { q: null }, { q: 'null' }, { 'q":"1': '' }];
    expect(new Set(queries.map(keyOf)).size).toBe(queries.length);
  });

  it('differs between contracts, and has the same length for every request', () => {
    expect(cacheKey(ProductsRpc.get, { id: 'a' })).not.toBe(cacheKey(ProductsRpc.list, { id: 'a' }));
    expect(keyOf({ q: 'x'.repeat(10_000) })).toHaveLength(keyOf({}).length);
  });
});
