import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  reachOf,
  type RecordRange,
  type ReservationStatus,
  type StockRecord,
  type UnbalancedStock,
  type UnitsState,
} from '@rookery/contracts';
import type { StockLine } from '../stock/stock-decision';

const unitsOf: Readonly<Record<ReservationStatus, UnitsState>> = {
  Awaiting: 'awaited',
  Reserved: 'held',
  Rejected: 'none',
  Shipped: 'sold',
  Released: 'none',
  Withdrawn: 'none',
};

interface ReservationRow {
  readonly orderId: string;
  readonly status: ReservationStatus;
  readonly lines: readonly StockLine[] | null;
}

/** Counts are text: Postgres sums bigint to numeric. */
type StockRow = Readonly<Record<Exclude<keyof UnbalancedStock, 'productId'> | 'total', string>> & {
  readonly productId: string;
};

export interface StockCheck {
  readonly products: number;
  readonly total: number;
  readonly items: UnbalancedStock[];
}

/** The reconciliation records of products, and the check that its own stock adds up. */
@Injectable()
export class StockRecordQueries {
  constructor(private readonly dataSource: DataSource) {}

  async reservations(range: RecordRange): Promise<{ upTo: string; items: StockRecord[] }> {
    const { after, upTo, limit } = range;
    const rows = await this.dataSource.query<ReservationRow[]>(
      `SELECT id AS "orderId", status, lines FROM reservations WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3`,
      [after, upTo, limit],
    );
    const reach = reachOf(
      range,
      rows.map(({ orderId }) => orderId),
    );
    return {
      upTo: reach,
      items: rows.map(({ orderId, status, lines }) => ({
        orderId,
        status,
        units: unitsOf[status],
        lines: (lines ?? []).map(({ productId, quantity }) => ({ productId, quantity })),
      })),
    };
  }

  /**
   * Compares each stock row with the adjustments and reservations of its product. One statement is one snapshot: no movement is
   * seen half.
   */
  async unbalanced(limit: number): Promise<StockCheck> {
    const rows = await this.dataSource.query<StockRow[]>(
      `WITH moved AS (
         SELECT line."productId" AS product_id,
                sum(line.quantity) FILTER (WHERE r.status = 'Reserved') AS held,
                sum(line.quantity) FILTER (WHERE r.status = 'Shipped') AS shipped
         FROM reservations r, jsonb_to_recordset(r.lines) AS line ("productId" uuid, quantity bigint)
         WHERE r.status IN ('Reserved', 'Shipped') GROUP BY line."productId"
       ), noted AS (
         SELECT product_id, sum(delta) AS adjustments FROM stock_adjustments GROUP BY product_id
       ), compared AS (
         SELECT s.product_id AS "productId", s.initial, s.adjusted, s.available, s.reserved, s.sold,
                coalesce(n.adjustments, 0) AS adjustments, coalesce(m.held, 0) AS held, coalesce(m.shipped, 0) AS shipped
         FROM stock s LEFT JOIN moved m USING (product_id) LEFT JOIN noted n USING (product_id)
       )
       SELECT *, count(*) OVER () AS total FROM compared
       WHERE initial + adjusted <> available + reserved + sold
          OR adjusted <> adjustments OR reserved <> held OR sold <> shipped
       ORDER BY "productId" LIMIT $1`,
      [limit],
    );
    const [{ products } = { products: 0 }] = await this.dataSource.query<{ products: number }[]>(
      'SELECT count(*)::integer AS products FROM stock',
    );
    return { products, total: Number(rows[0]?.total ?? 0), items: rows.map(stockOf) };
  }
}

const stockOf = (row: StockRow): UnbalancedStock => ({
  productId: row.productId,
  initial: Number(row.initial),
  adjusted: Number(row.adjusted),
  available: Number(row.available),
  reserved: Number(row.reserved),
  sold: Number(row.sold),
  adjustments: Number(row.adjustments),
  held: Number(row.held),
  shipped: Number(row.shipped),
});
