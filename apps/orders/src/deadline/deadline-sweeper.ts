import { Injectable } from '@nestjs/common';
import { Clock, contextFrom, logger, runInContext } from '@rookery/platform';
import { OrderRepository } from '../order/order.repository';

const BATCH = 100;
/** Orders ended at the same time: after an outage hundreds are due at once, and requests need the pool's other connections. */
const LANES = 4;

/**
 * Cancels the orders that are Pending past their deadline: the saga is choreographed, so no other service notices that
 * an answer never came. Replicas may meet at an order; the row lock and the order's own rule let one of them end it.
 */
@Injectable()
export class DeadlineSweeper {
  constructor(
    private readonly orders: OrderRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Ends the overdue orders, the longest waiting first. One that cannot be ended does not keep the others. There may be many
   * after an outage: a process that stops leaves them to the next one.
   */
  async sweep(stopping?: AbortSignal): Promise<void> {
    while (stopping?.aborted !== true) {
      const overdue = await this.orders.overdue(this.clock.now(), BATCH);
      const ended = await this.end(overdue, stopping);
      if (overdue.length < BATCH || ended === 0) return;
    }
  }

  /** How many have ended. */
  private async end(ids: readonly string[], stopping: AbortSignal | undefined): Promise<number> {
    // One iterator for all lanes: each takes the next order when it has done with its last one.
    const waiting = ids.values();
    let ended = 0;
    const lane = async (): Promise<void> => {
      for (const id of waiting) {
        if (stopping?.aborted === true) return;
        if (await this.endOne(id)) ended += 1;
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return ended;
  }

  /** Whether it could be ended. */
  private async endOne(id: string): Promise<boolean> {
    try {
      // Each end begins a trace of its own: nobody asked for it.
      await runInContext(contextFrom({}), () => this.orders.update(id, (order) => order.expire(this.clock.now())));
      return true;
    } catch (error) {
      logger.error({ err: error, orderId: id }, 'an overdue order could not be canceled');
      return false;
    }
  }
}
