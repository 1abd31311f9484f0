import { Injectable } from '@nestjs/common';
import { isDatabaseUnavailable, UnitOfWork } from '@rookery/persistence';
import { contextFrom, logger, runInContext } from '@rookery/platform';
import { OrderRepository } from '../order/order.repository';

/** Orders canceled in one transaction: after an outage hundreds are due at once. */
const BATCH = 20;

/**
 * Cancels orders that are Pending past their deadline: the saga is choreographed, so no other service notices a missing
 * answer. Replicas share the orders by row locks. It uses reserved connections, so that the deadline holds under a flood of
 * requests.
 */
@Injectable()
export class DeadlineSweeper {
  constructor(
    private readonly orders: OrderRepository,
    private readonly unitOfWork: UnitOfWork,
  ) {}

  /**
   * Cancels the overdue orders, longest overdue first. An order that cannot be canceled or is locked does not delay
   * the others. There may be many after an outage: a stopping process leaves the rest to the next one.
   */
  async sweep(stopping?: AbortSignal): Promise<void> {
    const failed = new Set<string>();
    while (stopping?.aborted !== true) {
      if ((await this.cancelBatch(failed, stopping)) < BATCH) {
        return;
      }
    }
  }

  /** Returns how many orders it tried to cancel; it adds those that failed to `failed`. */
  private async cancelBatch(failed: Set<string>, stopping: AbortSignal | undefined): Promise<number> {
    let ids: readonly string[] = [];
    try {
      await this.unitOfWork.runReserved(async () => {
        ids = await this.orders.lockOverdue(BATCH, [...failed]);
        for (const id of ids) {
          await this.cancel(id);
        }
      });
    } catch (error) {
      if (ids.length === 0 || isDatabaseUnavailable(error)) {
        throw error;
      }
      // One failure rolled all of them back: cancel each in its own transaction.
      for (const id of ids) {
        if (stopping?.aborted === true) {
          break;
        }
        if (!(await this.cancelAlone(id))) {
          failed.add(id);
        }
      }
    }
    return ids.length;
  }

  private async cancelAlone(id: string): Promise<boolean> {
    try {
      await this.unitOfWork.runReserved(() => this.cancel(id));
      return true;
    } catch (error) {
      logger.error({ err: error, orderId: id }, 'an overdue order could not be canceled');
      return false;
    }
  }

  /** Each cancellation starts its own trace: no request caused it. */
  private async cancel(id: string): Promise<void> {
    await runInContext(contextFrom({}), () => this.orders.update(id, (order, _tx, now) => order.expire(now)));
  }
}
