import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ProductPage, ProductQuote, ProductSort, ProductsRpc, ProductView, RequestOf } from '@rookery/contracts';
import { SharedStatement, UnitOfWork } from '@rookery/persistence';
import { Cursors } from '@rookery/platform';
import { PricesNotComparable, ProductNotFound } from './product.errors';
import { type ProductRow, viewOf } from './product.view';

type Listing = RequestOf<typeof ProductsRpc.list>;

/** The sort keys, matching their indexes, and the types to which a cursor's text is cast. */
const sortKeys = {
  name: { key: 'p.name COLLATE "und-x-icu"', type: 'text' },
  price: { key: 'p.price_minor', type: 'bigint' },
  // As text to the microsecond: a JavaScript Date would truncate it, and the next page would begin with the same row.
  createdAt: { key: 'p.created_at', type: 'timestamptz' },
} as const;

/** The allowed sort orders. The id breaks ties, so every position is unique. */
const sorts = {
  name: { by: 'name', ascending: true },
  '-name': { by: 'name', ascending: false },
  price: { by: 'price', ascending: true },
  '-price': { by: 'price', ascending: false },
  createdAt: { by: 'createdAt', ascending: true },
  '-createdAt': { by: 'createdAt', ascending: false },
} as const satisfies Record<ProductSort, { by: keyof typeof sortKeys; ascending: boolean }>;

const COLUMNS =
  'p.id, p.sku, p.name, p.description, p.category, p.price_minor, p.currency, p.version, p.created_at, p.updated_at, s.available';
const WITH_STOCK = 'FROM products p JOIN stock s ON s.product_id = p.id';
const ON_SALE = `${WITH_STOCK} WHERE p.archived_at IS NULL`;

/** `%`, `_` and the escape character are literal in a search. */
const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

interface QuotedRow extends Pick<ProductRow, 'id' | 'sku' | 'name' | 'price_minor' | 'currency'> {
  readonly archived: boolean;
}

const QUOTE =
  'SELECT id, sku, name, price_minor, currency, archived_at IS NOT NULL AS archived FROM products WHERE id = ANY($1)';

/** Reads the catalog without locks. */
@Injectable()
export class ProductQueries {
  private readonly quoted = new SharedStatement(async (tx, ids: readonly string[]) => {
    const rows = await tx.query<QuotedRow[]>(QUOTE, [ids]);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => byId.get(id));
  });

  constructor(
    private readonly dataSource: DataSource,
    private readonly unitOfWork: UnitOfWork,
    private readonly cursors: Cursors,
  ) {}

  /** The current product, also inside the transaction that has just changed it. */
  async get(id: string): Promise<ProductView> {
    const [row] = await this.unitOfWork.manager.query<ProductRow[]>(`SELECT ${COLUMNS} ${ON_SALE} AND p.id = $1`, [id]);
    if (!row) {
      throw new ProductNotFound(id);
    }
    return viewOf(row);
  }

  /** Unknown products are left out; archived ones too unless asked for. */
  async quote(ids: readonly string[], { includeArchived = false } = {}): Promise<ProductQuote[]> {
    const rows = await Promise.all(ids.map((id) => this.quoted.run(this.dataSource.manager, id.toLowerCase())));
    return rows
      .filter((row) => row !== undefined)
      .filter(({ archived }) => includeArchived || !archived)
      .map(({ id, sku, name, price_minor: price, currency }) => ({
        productId: id,
        sku,
        name,
        unitPrice: { amountMinor: Number(price), currency },
      }));
  }

  /** @throws {InvalidCursor | PricesNotComparable} 400 */
  async list(query: Listing): Promise<ProductPage> {
    const position = this.cursors.positionOf(query);
    const { by, ascending } = sorts[query.sort];
    const { key, type } = sortKeys[by];
    const currency = query.currency ?? (by === 'price' ? await this.onlyCurrency() : undefined);

    const parameters: unknown[] = [];
    const bind = (value: unknown): string => `$${parameters.push(value)}`;
    const conditions: string[] = [];
    if (query.category !== undefined) {
      conditions.push(`p.category = ${bind(query.category)}`);
    }
    if (currency !== undefined) {
      conditions.push(`p.currency = ${bind(currency)}`);
    }
    if (query.q !== undefined) {
      const pattern = bind(containing(query.q));
      conditions.push(`(p.name ILIKE ${pattern} OR p.sku ILIKE ${pattern} OR p.description ILIKE ${pattern})`);
    }
    if (position !== null) {
      const after = `(${bind(position.value)}::${type}, ${bind(position.id)}::uuid)`;
      conditions.push(`(${key}, p.id) ${ascending ? '>' : '<'} ${after}`);
    }

    const direction = ascending ? 'ASC' : 'DESC';
    const where = conditions.map((condition) => ` AND ${condition}`).join('');
    const order = `ORDER BY ${key} ${direction}, p.id ${direction}`;
    // One row more than requested shows whether there is a next page.
    const sql = `SELECT ${COLUMNS}, (${key})::text AS sort_value ${ON_SALE}${where} ${order} LIMIT ${bind(query.limit + 1)}`;
    const found = await this.dataSource.query<(ProductRow & { readonly sort_value: string })[]>(sql, parameters);
    const { rows, nextCursor } = this.cursors.page(found, query, ({ id, sort_value: value }) => ({ value, id }));
    return { items: rows.map(viewOf), nextCursor };
  }

  /** The one currency of all products on sale; undefined without products. Two index lookups. */
  private async onlyCurrency(): Promise<string | undefined> {
    const [found] = await this.dataSource.query<{ lowest: string | null; highest: string | null }[]>(
      'SELECT min(currency) AS lowest, max(currency) AS highest FROM products WHERE archived_at IS NULL',
    );
    if (found?.lowest !== found?.highest) {
      throw new PricesNotComparable();
    }
    return found?.lowest ?? undefined;
  }
}
