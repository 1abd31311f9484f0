import { Injectable } from '@nestjs/common';
import type { Difference } from '@rookery/contracts';
import { DataSource } from 'typeorm';

/** Orders that were compared: those of a range except some. */
export interface ComparedOrders {
  readonly after: string;
  readonly upTo: string;
  /** Of these nothing is known now: what was said of them stays. */
  readonly except: readonly string[];
}

/**
 * The differences that the newest comparison of their order or product found. One stays until a comparison finds it gone: it would
 * otherwise be forgotten as soon as its order is older than what is compared.
 */
@Injectable()
export class OpenDifferences {
  constructor(private readonly dataSource: DataSource) {}

  /** Replaces what was known of the orders that were compared. */
  async noteOrders({ after, upTo, except }: ComparedOrders, found: readonly Difference[]): Promise<void> {
    await this.note('order', found, 'd.subject > $3 AND d.subject <= $4 AND d.subject <> ALL($5::uuid[])', [
      after,
      upTo,
      except,
    ]);
  }

  /** Replaces what was known of all products. */
  async noteProducts(found: readonly Difference[]): Promise<void> {
    await this.note('product', found, 'true', []);
  }

  /** The orders up to an id of which a difference is known. */
  async ordersUpTo(id: string): Promise<readonly string[]> {
    const rows = await this.dataSource.query<{ subject: string }[]>(
      `SELECT DISTINCT subject FROM reconciliation_difference WHERE about = 'order' AND subject <= $1 ORDER BY subject`,
      [id],
    );
    return rows.map(({ subject }) => subject);
  }

  private async note(
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
