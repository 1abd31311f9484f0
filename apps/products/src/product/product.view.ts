import type { ProductView } from '@rookery/contracts';

/** A product with its stock as Postgres gives it: bigint as text. */
export interface ProductRow {
  readonly id: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string | null;
  readonly category: string | null;
  readonly price_minor: string;
  readonly currency: string;
  readonly version: number;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly available: string;
}

/** A product of a list, with the value that it is sorted by as text. */
export type ListedRow = ProductRow & { readonly sort_value: string };

/** The columns of a `ProductRow`, of products `p` and their stock `s`. */
export const COLUMNS =
  'p.id, p.sku, p.name, p.description, p.category, p.price_minor, p.currency, p.version, p.created_at, p.updated_at, s.available';

/**
 * Joins products `p` with their stock `s`, one lookup for each. A plain join may read all stock instead, because the planner does not know how few rows
 * a page has.
 */
export const WITH_ITS_STOCK =
  'CROSS JOIN LATERAL (SELECT available FROM stock WHERE stock.product_id = p.id LIMIT 1) AS s';

export const viewOf = (row: ProductRow): ProductView => ({
  id: row.id,
  sku: row.sku,
  name: row.name,
  description: row.description,
  category: row.category,
  price: { amountMinor: Number(row.price_minor), currency: row.currency },
  stock: { available: Number(row.available) },
  version: row.version,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
});
