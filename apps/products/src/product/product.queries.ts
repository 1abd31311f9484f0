import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { ProductQuote, ProductView } from '@rookery/contracts';
import { UnitOfWork } from '@rookery/persistence';
import { ProductNotFound } from './product.errors';
import { COLUMNS, type ProductRow, viewOf } from './product.view';

const WITH_STOCK = 'FROM products p JOIN stock s ON s.product_id = p.id';
const ON_SALE = `${WITH_STOCK} WHERE p.archived_at IS NULL`;

/** Reads single products without locks. */
@Injectable()
export class ProductQueries {
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
    const sql = `SELECT ${COLUMNS} ${WITH_STOCK} WHERE (p.archived_at IS NULL OR $2) AND p.id = ANY($1) ORDER BY p.id`;
    const rows = await this.dataSource.query<ProductRow[]>(sql, [ids, includeArchived]);
    return rows.map(viewOf).map(({ id, sku, name, price }) => ({ productId: id, sku, name, unitPrice: price }));
  }
}
