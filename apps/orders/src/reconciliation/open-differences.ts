import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { Difference } from '@rookery/contracts';

/** Compared orders: a range with exceptions. */
export interface ComparedOrders {
  readonly after: string;
  readonly upTo: string;
  /** Orders without a new result: their stored differences stay. */
  readonly except: readonly string[];
}

/**
 * The differences found by the newest comparison of their order or product. A difference stays until a comparison finds it resolved: it would
 * otherwise be lost as soon as its order is older than the compared range.
 */
@Injectable()
export class OpenDifferences {
  constructor(private readonly dataSource: DataSource) {}

  /** Replaces the differences of the compared orders. */
  async recordOrders({ after, upTo, except }: ComparedOrders, found: readonly Difference[]): Promise<void> {
    await this.record('order', found, 'd.subject > $3 AND d.subject <= $4 AND d.subject <> ALL($5::uuid[])', [
      after,
      upTo,
      except,
    ]);
  }

  /** Replaces the differences of all products. */
  async recordProducts(found: readonly Difference[]): Promise<void> {
    await this.record('product', found, 'true', []);
  }

  /** The orders up to an id that have a stored difference. */
  async ordersUpTo(id: string): Promise<readonly string[]> {
    const rows = await this.dataSource.query<{ subject: string }[]>(
      `SELECT DISTINCT subject FROM reconciliation_difference WHERE about = 'order' AND subject <= $1 ORDER BY subject`,
      [id],
    );
    return rows.map(({ subject }) => subject);
  }

  private async record(
    about: 'order' | 'product',
    found: readonly Difference[],
    compared: string,
    parameters: readonly unknown[],
  ): Promise<void> {
    const rows = found.map((difference) => ({
      kind: difference.kind,
      subject: difference.orderId ?? difference.productId,
      difference,
    }));
    await this.dataSource.query(
      `WITH found AS (
         SELECT kind, subject, difference FROM jsonb_to_recordset($2) AS f (kind text, subject uuid, difference jsonb)
       ), gone AS (
         DELETE FROM reconciliation_difference d WHERE d.about = $1 AND ${compared}
           AND NOT EXISTS (SELECT 1 FROM found f WHERE f.kind = d.kind AND f.subject = d.subject)
       )
       INSERT INTO reconciliation_difference (about, kind, subject, difference)
       SELECT $1::text, kind, subject, difference FROM found ORDER BY kind, subject
       ON CONFLICT ON CONSTRAINT reconciliation_difference_pk DO UPDATE SET difference = excluded.difference`,
      [about, JSON.stringify(rows), ...parameters],
    );
  }
}
