import { Injectable } from '@nestjs/common';
import { type Difference, MAX_LISTED_DIFFERENCES, type Reconcile, type Reconciliation } from '@rookery/contracts';
import { firstUuidAt, timeOfUuid } from '@rookery/platform';
import { type ComparedStock, Reconciler } from './reconciler';

/** A part starts no page after this time, so that it ends within the deadline of a request. */
const PART_MS = 2_000;

const NO_STOCK: ComparedStock = { products: 0, differences: [], total: 0 };

/** Reconciliation on request of an operator, part by part. */
@Injectable()
export class ReconciliationService {
  constructor(private readonly reconciler: Reconciler) {}

  /** Runs one part: first the stock, unless an earlier part has checked it, then as many orders as time allows. */
  async part({ since, after }: Reconcile): Promise<Reconciliation> {
    const started = performance.now();
    const horizon = await this.reconciler.horizon();
    const [from = horizon] = [after ?? firstUuidAt(new Date(since ?? 0)), horizon].toSorted();
    const stock = after === undefined ? await this.reconciler.stock() : NO_STOCK;
    const differences: Difference[] = [...stock.differences];
    let [reached, orders, inFlight, total] = [from, 0, 0, stock.total];
    while (reached < horizon && performance.now() - started < PART_MS) {
      const page = await this.reconciler.page(reached, horizon);
      reached = page.upTo;
      orders += page.orders;
      inFlight += page.inFlight.length;
      differences.push(...page.differences);
      total += page.differences.length;
    }
    return {
      from: timeOfUuid(from).toISOString(),
      to: timeOfUuid(reached).toISOString(),
      orders,
      inFlight,
      products: stock.products,
      differences: differences.slice(0, MAX_LISTED_DIFFERENCES),
      total,
      next: reached < horizon ? reached : null,
    };
  }
}
