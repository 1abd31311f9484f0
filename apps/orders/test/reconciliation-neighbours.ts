import {
  type PaymentRecord,
  reachOf,
  ReconciliationRpc,
  type RecordRange,
  type StockRecord,
  type UnbalancedStock,
} from '@rookery/contracts';
import { eventually, type RpcStub } from '@rookery/testing';
import type { OrdersUnderTest } from './orders-service';

interface OrderRelatedEvent {
  readonly orderId: string;
}

/** payments and products as the reconciliation sees them: what they say is what a spec puts here. */
export class SettlementNeighbours {
  readonly payments = new Map<string, PaymentRecord>();
  readonly reservations = new Map<string, StockRecord>();
  unbalanced: UnbalancedStock[] = [];
  /** Unbalanced products beyond those that fit into an answer. */
  unlisted = 0;
  /** Ranges asked for, oldest first. */
  readonly asked: RecordRange[] = [];
  private paymentsStub: RpcStub<unknown> | undefined;

  private constructor(private readonly orders: OrdersUnderTest) {}

  static async start(orders: OrdersUnderTest): Promise<SettlementNeighbours> {
    const neighbours = new SettlementNeighbours(orders);
    await neighbours.returnPayments();
    await orders.stub(ReconciliationRpc.reservations, (range) => answer(neighbours.reservations, range));
    await orders.stub(ReconciliationRpc.stock, () => {
      const { unbalanced, unlisted } = neighbours;
      return { products: 7, total: unbalanced.length + unlisted, items: unbalanced };
    });
    return neighbours;
  }

  /** Runs work while payments is away. */
  async withoutPayments(work: () => Promise<void>): Promise<void> {
    await this.paymentsStub?.stop();
    try {
      await work();
    } finally {
      await this.returnPayments();
    }
  }

  /** What both say of an order that was paid and delivered. */
  delivered(orderId: string, amountMinor: number, productId: string): void {
    const amount = { amountMinor, currency: 'EUR' };
    this.payments.set(orderId, {
      orderId,
      payment: { id: orderId, status: 'Captured', money: 'taken', amount },
      ledger: [],
    });
    this.reservations.set(orderId, {
      orderId,
      status: 'Shipped',
      units: 'sold',
      lines: [{ productId, quantity: 1 }],
    });
  }

  /** The money of an order is held, not taken; calling the answer takes it. */
  capturedLate(orderId: string): () => void {
    const captured = this.payments.get(orderId);
    if (!captured?.payment) {
      throw new Error(`order ${orderId} has no payment`);
    }
    this.payments.set(orderId, { ...captured, payment: { ...captured.payment, status: 'Reserved', money: 'held' } });
    return () => this.payments.set(orderId, captured);
  }

  /** Waits until payments has been asked that many times more than before. */
  async askedAgain(before: number): Promise<void> {
    await eventually(() => expect(this.asked.length).toBeGreaterThan(before));
  }

  private async returnPayments(): Promise<void> {
    this.paymentsStub = await this.orders.stub(ReconciliationRpc.payments, (range) => {
      this.asked.push(range);
      return answer(this.payments, range);
    });
  }
}

function answer<Item extends OrderRelatedEvent>(all: ReadonlyMap<string, Item>, range: RecordRange) {
  const { after, upTo, limit } = range;
  const ids = [...all.keys()].filter((id) => id > after && id <= upTo).toSorted();
  const items = ids.slice(0, limit).flatMap((id) => all.get(id) ?? []);
  return { upTo: reachOf(range, ids.slice(0, limit)), items };
}
