import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ProductPage } from '@rookery/contracts';
import { Searches } from '@rookery/persistence';
import { Cursors } from '@rookery/platform';
import { type Listing, type ListSql, listSql, sorts } from './list-sql';
import { type Found, ProductSearch } from './product-search';
import { PricesNotComparable } from './product.errors';
import { COLUMNS, type ListedRow, viewOf, WITH_ITS_STOCK } from './product.view';

/** The lists of the catalog, page by page. */
@Injectable()
export class ProductPages {
  constructor(
    private readonly dataSource: DataSource,
    private readonly searches: Searches,
    private readonly cursors: Cursors,
  ) {}

  /**
   * A page of products on sale. A page of a search may have fewer than `limit` products, or none, although more follow: it ends where the search has
   * looked at enough of them, and its cursor continues there.
   * @throws {InvalidCursor | PricesNotComparable} 400
   * @throws {SearchTookTooLong} 503
   */
  async list(query: Listing): Promise<ProductPage> {
    const position = this.cursors.positionOf(query);
    const currency = query.currency ?? (sorts[query.sort].by === 'price' ? await this.onlyCurrency() : undefined);
    const list = listSql(query, currency, position);
    const found = await this.find(list, query);
    const { rows, nextCursor } = this.cursors.page(found.rows, query, ({ id, sort_value: value }) => ({ value, id }));
    return {
      items: rows.map(viewOf),
      nextCursor: found.stoppedAt === null ? nextCursor : this.cursors.cursorAt(found.stoppedAt, query),
    };
  }

  private async find(list: ListSql, { q, limit }: Listing): Promise<Found> {
    // One row more than requested shows whether there is a next page.
    if (q !== undefined) {
      return this.searches.run((tx) => new ProductSearch(tx, list, q, limit + 1).first());
    }
    const { key, conditions, values, orderBy } = list;
    const rows = await this.dataSource.query<ListedRow[]>(
      `SELECT ${COLUMNS}, (${key})::text AS sort_value FROM products p ${WITH_ITS_STOCK}
       WHERE ${conditions} ORDER BY ${orderBy(key)} LIMIT $${values.length + 1}`,
      [...values, limit + 1],
    );
    return { rows, stoppedAt: null };
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
