import { ListProducts, ProductsRpc } from '@rookery/contracts';
import { questionKey } from './question-key';

const keyOf = (query: unknown): string => questionKey(ProductsRpc.list, query);

describe('the key of a kept read', () => {
  it('is another for each value of each parameter that the contract has', () => {
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

  it('is another for each value of a parameter that comes tomorrow', () => {
    const query = ListProducts.parse({});
    const keys = [query, { ...query, brand: 'A' }, { ...query, brand: 'B' }, { ...query, brand: ['A', 'B'] }].map(
      keyOf,
    );
    expect(new Set(keys).size).toBe(4);
  });

  it('is the same however a query is spelled: in any order, with defaults written or left out', () => {
    const spelled = [
      { q: 'nest', limit: '20', sort: 'name' },
      { sort: 'name', q: 'nest' },
      { q: 'nest', category: undefined },
    ];
    expect(new Set(spelled.map((query) => keyOf(ListProducts.parse(query)))).size).toBe(1);
    expect(keyOf({ a: { b: 1, c: 2 } })).toBe(keyOf({ a: { c: 2, b: 1 } }));
  });

  it('keeps values apart that read alike', () => {
    const queries = [{ q: '1' }, { q: 1 }, { q: ['1'] }, { q: null }, { q: 'null' }, { 'q":"1': '' }];
    expect(new Set(queries.map(keyOf)).size).toBe(queries.length);
  });

  it('is another for another contract, and of one size whatever is asked', () => {
    expect(questionKey(ProductsRpc.get, { id: 'a' })).not.toBe(questionKey(ProductsRpc.list, { id: 'a' }));
    expect(keyOf({ q: 'x'.repeat(10_000) })).toHaveLength(keyOf({}).length);
  });
});
