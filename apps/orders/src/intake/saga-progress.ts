import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '@rookery/persistence';
import { Clock } from '@rookery/platform';
import { OrderDeadline } from '../deadline/order-deadline';
import { firstIdAt } from '../reconciliation/order-ids';
import type { SagaProgress } from './order-intake';

/** Looks how far the saga has come. */
@Injectable()
export class SagaProgressReader {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly clock: Clock,
    private readonly deadline: OrderDeadline,
  ) {}

  /**
   * Ids are in the order of placing. An order that went all the way, through payments and then products, says that those before it have
   * had their turn: what is still Pending among them waits for something of its own, a slow bank or a retry. Those behind it are the queue.
   * One query over the orders of the last two deadlines at most, on a connection that requests do not use.
   */
  async read(): Promise<SagaProgress> {
    const now = this.clock.now();
    const since = firstIdAt(new Date(now.getTime() - 2 * this.deadline.seconds * 1_000));
    const [row] = await this.unitOfWork.runReserved((tx) =>
      tx.query<{ waiting: number; oldestAt: Date | null; newestDone: string | null }[]>(
        `WITH done AS MATERIALIZED (
           SELECT id FROM orders
           WHERE id >= $1 AND (status = 'Confirmed' OR reason IN ('out-of-stock', 'product-unavailable'))
           ORDER BY id DESC LIMIT 1)
         SELECT count(*)::int AS waiting, min(created_at) AS "oldestAt", (SELECT id FROM done)::text AS "newestDone"
         FROM orders WHERE status = 'Pending' AND id > coalesce((SELECT id FROM done), $1)`,
        [since],
      ),
    );
    const { waiting = 0, oldestAt = null, newestDone = null } = row ?? {};
    const lagMs = oldestAt === null ? 0 : Math.max(0, now.getTime() - oldestAt.getTime());
    return { waiting, lagSeconds: lagMs / 1_000, newestDone };
  }
}
