import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '@rookery/persistence';
import { OrderDeadline } from '../deadline/order-deadline';
import { firstIdAt } from '../reconciliation/order-ids';
import type { SagaProgress } from './order-intake';

/** Looks how far the saga has come. */
@Injectable()
export class SagaProgressReader {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly deadline: OrderDeadline,
  ) {}

  /**
   * Ids are in the order of placing. An order that went all the way, through payments and then products, says that those before it have
   * had their turn: what is still Pending among them waits for something of its own, a slow bank or a retry. Those behind it are the queue.
   * One query over the orders of the last two deadlines at most, on a connection that requests do not use.
   */
  async read(): Promise<SagaProgress> {
    const [row] = await this.unitOfWork.runReserved(async (tx) => {
      const now = await this.unitOfWork.now();
      const since = firstIdAt(new Date(now.getTime() - 2 * this.deadline.seconds * 1_000));
      return tx.query<{ waiting: number; lagSeconds: number; newestDone: string | null }[]>(
        `WITH done AS MATERIALIZED (
           SELECT id FROM orders
           WHERE id >= $1 AND (status = 'Confirmed' OR reason IN ('out-of-stock', 'product-unavailable'))
           ORDER BY id DESC LIMIT 1)
         SELECT count(*)::int AS waiting, (SELECT id FROM done)::text AS "newestDone",
                greatest(0, coalesce(extract(epoch FROM now() - min(created_at)), 0))::float8 AS "lagSeconds"
         FROM orders WHERE status = 'Pending' AND id > coalesce((SELECT id FROM done), $1)`,
        [since],
      );
    });
    return row ?? { waiting: 0, lagSeconds: 0, newestDone: null };
  }
}
