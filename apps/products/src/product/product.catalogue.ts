import { Injectable } from '@nestjs/common';
import type { ProductPage, ProductQuote, ProductSort, ProductView } from '@rookery/contracts';
import { UnitOfWork } from '@rookery/persistence';
import { DataSource } from 'typeorm';
import { decodeCursor, encodeCursor, type ProductListing } from './product-cursor';
import { InvalidCursor, ProductNotFound } from './product.errors';
import { viewOf, type ProductRow } from './product.view';

/** The closed list of orders a page may have. The id breaks ties, so every position is unique. */
const sortColumns = {
  name: { column: 'name', ascending: true },
  '-name': { column: 'name', ascending: false },
  price: { column: 'price_minor', ascending: true },
  '-price': { column: 'price_minor', ascending: false },
  createdAt: { column: 'created_at', ascending: true },
  '-createdAt': { column: 'created_at', ascending: false },
} as const satisfies Record<ProductSort, { column: string; ascending: boolean }>;

const SELECT = `
  SELECT p.id, p.sku, p.name, p.description, p.category, p.price_minor, p.currency, p.version, p.created_at, p.updated_at, s.available
  FROM products p JOIN stock s ON s.product_id = p.id
  WHERE p.archived_at IS NULL`;

/** `%`, `_` and the escape itself mean themselves in a search. */
const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/** Reads the catalogue in one statement per question; nothing here locks. */
@Injectable()
export class ProductCatalogue {
  constructor(
    private readonly dataSource: DataSource,
    private readonly unitOfWork: UnitOfWork,
  ) {}

  /** The product as it is now, also for the transaction that has just changed it. */
  async get(id: string): Promise<ProductView> {
    const [row] = await this.unitOfWork.manager.query<ProductRow[]>(`${SELECT} AND p.id = $1`, [id]);
    if (!row) throw new ProductNotFound(id);
    return viewOf(row);
  }

  /** Unknown and archived products are left out. */
  async quote(ids: readonly string[]): Promise<ProductQuote[]> {
    const rows = await this.dataSource.query<ProductRow[]>(`${SELECT} AND p.id = ANY($1) ORDER BY p.id`, [ids]);
    return rows.map(viewOf).map(({ id, sku, name, price }) => ({ productId: id, sku, name, unitPrice: price }));
  }

  async list(
    request: ProductListing & { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<ProductPage> {
    const { column, ascending } = sortColumns[request.sort];
    const parameters: unknown[] = [];
    const bind = (value: unknown): string => `$${parameters.push(value)}`;
    const conditions: string[] = [];

    if (request.category !== undefined) conditions.push(`p.category = ${bind(request.category)}`);
    if (request.q !== undefined) {
      const pattern = bind(containing(request.q));
      conditions.push(`(p.name ILIKE ${pattern} OR p.sku ILIKE ${pattern} OR p.description ILIKE ${pattern})`);
    }
    if (request.cursor !== undefined) {
      const after = decodeCursor(request.cursor, request);
      await this.refuseUnknownPosition(after);
      const position = `(SELECT c.${column}, c.id FROM products c WHERE c.id = ${bind(after)})`;
      conditions.push(`(p.${column}, p.id) ${ascending ? '>' : '<'} ${position}`);
    }

    const direction = ascending ? 'ASC' : 'DESC';
    const where = conditions.map((condition) => ` AND ${condition}`).join('');
    // One more than asked for tells whether there is a next page.
    const sql = `${SELECT}${where} ORDER BY p.${column} ${direction}, p.id ${direction} LIMIT ${bind(request.limit + 1)}`;
    const rows = await this.dataSource.query<ProductRow[]>(sql, parameters);
    const items = rows.slice(0, request.limit).map(viewOf);
    const last = items.at(-1);
    const hasMore = rows.length > request.limit;
    return { items, nextCursor: hasMore && last ? encodeCursor(last.id, request) : null };
  }

  /** Archived products stay valid positions; an id that never was one is a forged cursor. */
  private async refuseUnknownPosition(id: string): Promise<void> {
    const found = await this.dataSource.query<unknown[]>('SELECT 1 FROM products WHERE id = $1', [id]);
    if (found.length === 0) throw new InvalidCursor();
  }
}
