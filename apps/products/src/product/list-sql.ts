import type { ProductSort, ProductsRpc, RequestOf } from '@rookery/contracts';
import type { Position } from '@rookery/platform';

/** The parsed query of a list of products. */
export type Listing = RequestOf<typeof ProductsRpc.list>;

/** The sort keys, matching their indexes, and the types to which a cursor's text is cast. */
const sortKeys = {
  name: { key: 'p.name COLLATE "und-x-icu"', type: 'text' },
  price: { key: 'p.price_minor', type: 'bigint' },
  // As text to the microsecond: a JavaScript Date would truncate it, and the next page would begin with the same row.
  createdAt: { key: 'p.created_at', type: 'timestamptz' },
} as const;

/** The allowed sort orders. The id breaks ties, so every position is unique. */
export const sorts = {
  name: { by: 'name', ascending: true },
  '-name': { by: 'name', ascending: false },
  price: { by: 'price', ascending: true },
  '-price': { by: 'price', ascending: false },
  createdAt: { by: 'createdAt', ascending: true },
  '-createdAt': { by: 'createdAt', ascending: false },
} as const satisfies Record<ProductSort, { by: keyof typeof sortKeys; ascending: boolean }>;

/** A list as SQL, of products `p`. */
export interface ListSql {
  readonly key: string;
  readonly conditions: string;
  /** Values of the parameters in `conditions`; what is appended has the next numbers. */
  readonly values: readonly unknown[];
  /** The list's order, by the key or by a column that contains it. */
  readonly orderBy: (key: string) => string;
}

/**
 * The list after a position. A filter is an array of one value, and its column is part of the order: only the index that begins with it has that
 * order. With an equality the planner may read another index and filter, which is a whole table when no product at its start has the value.
 */
export function listSql({ sort, category }: Listing, currency: string | undefined, after: Position | null): ListSql {
  const { by, ascending } = sorts[sort];
  const { key, type } = sortKeys[by];
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = ['p.archived_at IS NULL'];
  const columns: string[] = [];
  for (const [name, value] of Object.entries({ category, currency })) {
    if (value !== undefined) {
      columns.push(`p.${name}`);
      conditions.push(`p.${name} = ANY (${bind([value])}::text[])`);
    }
  }
  if (after !== null) {
    const position = `(${bind(after.value)}::${type}, ${bind(after.id)}::uuid)`;
    conditions.push(`(${key}, p.id) ${ascending ? '>' : '<'} ${position}`);
  }
  const direction = ascending ? 'ASC' : 'DESC';
  return {
    key,
    conditions: conditions.join(' AND '),
    values,
    orderBy: (of) => [...columns, of, 'p.id'].map((column) => `${column} ${direction}`).join(', '),
  };
}
