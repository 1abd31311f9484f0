import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ProductQuote, ProductView } from '@rookery/contracts';
import { SharedStatement, UnitOfWork } from '@rookery/persistence';
import { ProductNotFound } from './product.errors';
import { COLUMNS, type ProductRow, viewOf } from './product.view';

const WITH_STOCK = 'FROM products p JOIN stock s ON s.product_id = p.id';
const ON_SALE = `${WITH_STOCK} WHERE p.archived_at IS NULL`;

interface QuotedRow extends Pick<ProductRow, 'id' | 'sku' | 'name' | 'price_minor' | 'currency'> {
  readonly archived: boolean;
}

const QUOTE =
  'SELECT id, sku, name, price_minor, currency, archived_at IS NOT NULL AS archived FROM products WHERE id = ANY($1)';

/** Reads single products without locks. */
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
}
