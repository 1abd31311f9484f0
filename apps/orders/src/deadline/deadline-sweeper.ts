import { Injectable } from '@nestjs/common';
import { isDatabaseUnavailable, UnitOfWork } from '@rookery/persistence';
import { contextFrom, logger, runInContext } from '@rookery/platform';
import { OrderRepository } from '../order/order.repository';

/** Orders ended in one transaction: after an outage hundreds are due at once. */
const BATCH = 20;

/**
 * Cancels the orders that are Pending past their deadline: the saga is choreographed, so no other service notices that
 * an answer never came. Replicas share them by their row locks. Works on reserved connections: under a flood of requests the
 * deadline still holds.
 */
@Injectable()
export class DeadlineSweeper {
  constructor(
    private readonly orders: OrderRepository,
    private readonly unitOfWork: UnitOfWork,
  ) {}

  /**
   * Ends the overdue orders, the longest waiting first. One that cannot be ended does not keep the others, nor does one that
   * somebody is at just now. There may be many after an outage: a process that stops leaves them to the next one.
   */
  async sweep(stopping?: AbortSignal): Promise<void> {
    const failed = new Set<string>();
    while (stopping?.aborted !== true) {
      if ((await this.endSome(failed, stopping)) < BATCH) return;
    }
  }

  /** How many it has tried to end; those that it could not are added to the failed ones. */
  private async endSome(failed: Set<string>, stopping: AbortSignal | undefined): Promise<number> {
    let ids: readonly string[] = [];
    try {
      await this.unitOfWork.runReserved(async () => {
        ids = await this.orders.lockOverdue(BATCH, [...failed]);
        for (const id of ids) await this.end(id);
      });
    } catch (error) {
      if (ids.length === 0 || isDatabaseUnavailable(error)) throw error;
      // One of them has undone all: each by itself.
      for (const id of ids) {
        if (stopping?.aborted === true) break;
        if (!(await this.endAlone(id))) failed.add(id);
      }
    }
    return ids.length;
  }

  private async endAlone(id: string): Promise<boolean> {
    try {
      await this.unitOfWork.runReserved(() => this.end(id));
      return true;
    } catch (error) {
      logger.error({ err: error, orderId: id }, 'an overdue order could not be canceled');
      return false;
    }
  }

  /** Each end begins a trace of its own: nobody asked for it. */
  private async end(id: string): Promise<void> {
    await runInContext(contextFrom({}), () => this.orders.update(id, (order, _tx, now) => order.expire(now)));
  }
}
