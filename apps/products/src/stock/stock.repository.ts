import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type AdjustStock, MAX_STOCK } from '@rookery/contracts';
import { SharedStatement } from '@rookery/persistence';
import { judgeReservation, type StockDecision, type StockLevel, type StockLine } from './stock-decision';
import { StockWouldBeNegative, StockWouldOverflow } from './stock.errors';

/** The movements of units: each one preserves `initial + adjusted = available + reserved + sold`. */
const movements = {
  reserve: 'available = s.available - w.quantity, reserved = s.reserved + w.quantity',
  ship: 'reserved = s.reserved - w.quantity, sold = s.sold + w.quantity',
  release: 'reserved = s.reserved - w.quantity, available = s.available + w.quantity',
} as const;

/** The column that must have enough units. The table's CHECK constraints enforce the same, so a mistake here cannot oversell. */
export const sources = { reserve: 'available', ship: 'reserved', release: 'reserved' } as const;

export type Movement = keyof typeof movements;

/** The lines of one order. */
type Lines = readonly StockLine[];

/** The stock rows, one per product. Every method works inside the caller's transaction. */
@Injectable()
export class StockRepository {
  private readonly reservations = new SharedStatement((tx, orders: readonly Lines[]) => this.reserveAll(tx, orders));
  private readonly shipments = new SharedStatement((tx, orders: readonly Lines[]) => this.moveAll(tx, 'ship', orders));
  private readonly releases = new SharedStatement((tx, orders: readonly Lines[]) =>
    this.moveAll(tx, 'release', orders),
  );

  async open(tx: EntityManager, productId: string, units: number): Promise<void> {
    await tx.query('INSERT INTO stock (product_id, initial, available) VALUES ($1, $2, $2)', [productId, units]);
  }

  /**
   * Adds or takes units in one conditional update and records who did it and why. Resolves to false when no such product is on sale.
   * @throws {StockWouldBeNegative | StockWouldOverflow} when the units would leave the allowed range
   */
  async adjust(tx: EntityManager, productId: string, { delta, reason }: AdjustStock, actor: string): Promise<boolean> {
    const [rows] = await tx.query<[{ available: string }[], number]>(
      `UPDATE stock s SET available = s.available + $2, adjusted = s.adjusted + $2
       FROM products p
       WHERE s.product_id = $1 AND p.id = s.product_id AND p.archived_at IS NULL
         AND s.available + $2 BETWEEN 0 AND $3
       RETURNING s.available`,
      [productId, delta, MAX_STOCK],
    );
    const [changed] = rows;
    if (!changed) {
      if (!(await this.isOnSale(tx, productId))) {
        return false;
      }
      throw delta < 0 ? new StockWouldBeNegative() : new StockWouldOverflow();
    }
    await tx.query(
      `INSERT INTO stock_adjustments (product_id, delta, available_after, reason, actor, adjusted_at)
       VALUES ($1, $2, $3, $4, $5, now())`,
      [productId, delta, changed.available, reason, actor],
    );
    return true;
  }

  /** All or nothing: reserves when every line is available; otherwise changes nothing and names the unavailable product. */
  reserve(tx: EntityManager, lines: Lines): Promise<StockDecision> {
    return this.reservations.run(tx, lines);
  }

  ship(tx: EntityManager, lines: Lines): Promise<void> {
    return this.shipments.run(tx, lines);
  }

  release(tx: EntityManager, lines: Lines): Promise<void> {
    return this.releases.run(tx, lines);
  }

  /** Judges the orders one after the other: each one finds the units that the earlier ones left. */
  private async reserveAll(tx: EntityManager, orders: readonly Lines[]): Promise<StockDecision[]> {
    const levels = new Map(await this.lockLevels(tx, orders.flat()));
    const reserved: StockLine[] = [];
    const decisions = orders.map((lines) => {
      const decision = judgeReservation(lines, levels);
      if (decision.kind === 'reserved') {
        reserved.push(...lines);
        lines.forEach((line) => takeFrom(levels, line));
      }
      return decision;
    });
    if (reserved.length > 0) {
      await this.move(tx, 'reserve', sumByProduct(reserved));
    }
    return decisions;
  }

  private async moveAll(tx: EntityManager, movement: Movement, orders: readonly Lines[]): Promise<undefined[]> {
    const lines = sumByProduct(orders.flat());
    await this.lockLevels(tx, lines);
    await this.move(tx, movement, lines);
    return orders.map(() => undefined);
  }

  /** Locks in the order of the product ids, so that two orders with the same products never deadlock. */
  protected async lockLevels(tx: EntityManager, lines: Lines): Promise<ReadonlyMap<string, StockLevel>> {
    const rows = await tx.query<{ product_id: string; available: string; archived: boolean }[]>(
      `SELECT s.product_id, s.available, p.archived_at IS NOT NULL AS archived
       FROM stock s JOIN products p ON p.id = s.product_id
       WHERE s.product_id = ANY($1) ORDER BY s.product_id FOR UPDATE OF s`,
      [lines.map((line) => line.productId)],
    );
    return new Map(rows.map((row) => [row.product_id, { available: Number(row.available), archived: row.archived }]));
  }

  /** Moves all lines. @throws {Error} when a line has too few units, which rolls the transaction back */
  protected async move(tx: EntityManager, movement: Movement, lines: readonly StockLine[]): Promise<void> {
    const [, moved] = await tx.query<[unknown[], number]>(
      `UPDATE stock s SET ${movements[movement]}
       FROM unnest($1::uuid[], $2::bigint[]) AS w(product_id, quantity)
       WHERE s.product_id = w.product_id AND s.${sources[movement]} >= w.quantity`,
      [lines.map((line) => line.productId), lines.map((line) => line.quantity)],
    );
    if (moved !== lines.length) {
      throw new Error(`stock: ${movement} moved ${moved} of ${lines.length} lines`);
    }
  }

  private async isOnSale(tx: EntityManager, productId: string): Promise<boolean> {
    const found = await tx.query<unknown[]>('SELECT 1 FROM products WHERE id = $1 AND archived_at IS NULL', [
      productId,
    ]);
    return found.length > 0;
  }
}

function takeFrom(levels: Map<string, StockLevel>, { productId, quantity }: StockLine): void {
  const level = levels.get(productId);
  if (level !== undefined) {
    levels.set(productId, { ...level, available: level.available - quantity });
  }
}

/** A statement changes a row once, however many lines name its product. */
function sumByProduct(lines: Lines): Lines {
  const sums = new Map<string, number>();
  for (const { productId, quantity } of lines) {
    sums.set(productId, (sums.get(productId) ?? 0) + quantity);
  }
  return [...sums].map(([productId, quantity]) => ({ productId, quantity }));
}
