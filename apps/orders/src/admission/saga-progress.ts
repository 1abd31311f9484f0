import type { UnitOfWork } from '@rookery/persistence';
import { firstUuidAt } from '@rookery/platform';
import type { SagaProgress } from './order-admission';

/** Reads how far the saga has come. */
export class SagaProgressReader {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly orderDeadlineSeconds: number,
  ) {}

  /**
   * Ids are in the order of placing. The newest order that completed both payments and products shows that every order before it has had
   * its turn: one of those that is still Pending waits for something of its own, such as a slow bank or a retry. The Pending orders behind
   * it are the queue. One query over the orders of at most the last two deadlines, on a connection that requests do not use.
   */
  async read(): Promise<SagaProgress> {
    const [row] = await this.unitOfWork.runReserved(async (tx) => {
      const now = await this.unitOfWork.now();
      const since = firstUuidAt(new Date(now.getTime() - 2 * this.orderDeadlineSeconds * 1_000));
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
