import type { EntityManager } from 'typeorm';
import type { Change, RecordedEvent } from '@rookery/persistence';
import { DeadlineSweeper } from '../../../apps/orders/src/deadline/deadline-sweeper';
import type { Order } from '../../../apps/orders/src/order/order.entity';
import type { Attempt } from '../../../apps/payments/src/payment/payment-attempts';
import type { Payment } from '../../../apps/payments/src/payment/payment.entity';
import type { StockDecision, StockLine } from '../../../apps/products/src/stock/stock-decision';
import type { Movement } from '../../../apps/products/src/stock/stock.repository';
import { MemoryInbox, MemoryOutbox } from './memory-database';
import { MemoryOrders } from './memory-orders';
import { MemoryAttempts, MemoryPayments } from './memory-payments';
import { MemoryStock } from './memory-products';
import type { Parts } from './services';

/** Forgets what it has taken. */
class NoInbox extends MemoryInbox {
  protected override knows(): boolean {
    return false;
  }
}

/** Writes events outside of the transaction of the change that they tell of. */
class OutboxOfItsOwn extends MemoryOutbox {
  override async append(tx: EntityManager, events: readonly RecordedEvent[]): Promise<void> {
    this.whenCommitted(() => super.append(tx, events));
  }
}

/** Takes what is not there. */
class UnconditionalStock extends MemoryStock {
  override async reserve(tx: EntityManager, lines: readonly StockLine[]): Promise<StockDecision> {
    await this.move(tx, 'reserve', lines);
    return { kind: 'reserved' };
  }

  protected override async move(_tx: EntityManager, movement: Movement, lines: readonly StockLine[]): Promise<void> {
    for (const { productId, quantity } of lines) {
      this.shift(movement, productId, quantity);
    }
  }
}

/** Forgets a cancellation that comes while the bank is being asked, and so keeps a late success. */
class NoCompensation extends MemoryPayments {
  override update(id: string, change: Change<Payment>): Promise<Payment> {
    return super.update(id, async (payment, tx, now) => {
      const { status, purpose } = payment;
      await change(payment, tx, now);
      if (status === 'Authorizing' && payment.status === status) {
        payment.purpose = purpose;
      }
    });
  }
}

/** Forgets that an order has ended. */
class NoEnd extends MemoryOrders {
  override update(id: string, change: Change<Order>): Promise<Order> {
    return super.update(id, (order, tx, now) => {
      order.status = 'Pending';
      return change(order, tx, now);
    });
  }
}

/** A key for every try: the bank cannot know that it is asked for the same thing. */
class FreshKeys extends MemoryAttempts {
  override async claim(limit: number, leaseMs: number): Promise<Attempt[]> {
    const attempts = await super.claim(limit, leaseMs);
    return attempts.map((attempt) => ({ ...attempt, key: `${attempt.key}:${attempt.tries}` }));
  }
}

class NoSweeper extends DeadlineSweeper {
  override async sweep(): Promise<void> {}
}

export interface Mutant {
  readonly name: string;
  readonly parts?: Partial<Parts>;
  /** Whether relay and consumers keep the order of an aggregate's events. */
  readonly ordered?: boolean;
  /** An invariant that must be found broken. */
  readonly breaks: string;
}

/** Systems that lack one of their protections. */
export const mutants: readonly Mutant[] = [
  { name: 'no inbox', parts: { inbox: NoInbox }, breaks: 'I5' },
  { name: 'an outbox outside of the transaction', parts: { outbox: OutboxOfItsOwn }, breaks: 'I6' },
  { name: 'no order per aggregate', ordered: false, breaks: 'I7' },
  { name: 'no conditional stock', parts: { stock: UnconditionalStock }, breaks: 'I4' },
  { name: 'no compensation of a late success', parts: { payments: NoCompensation }, breaks: 'I9' },
  { name: 'a fresh key for every try at the bank', parts: { attempts: FreshKeys }, breaks: 'I3' },
  { name: 'orders that move after their end', parts: { orders: NoEnd }, breaks: 'I8' },
  { name: 'no sweeper', parts: { sweeper: NoSweeper }, breaks: 'I1' },
];
