import type { NatsConnection } from '@nats-io/nats-core';
import type { EntityManager } from 'typeorm';
import { OrderCanceled, OrderConfirmed, OrderCreated, type ProductQuote, ProductsRpc } from '@rookery/contracts';
import { type RpcClient, type StreamEvent, streamEvents } from '@rookery/messaging';
import type { Outbox, UnitOfWork } from '@rookery/persistence';
import { traceIdOf } from '@rookery/platform';
import { costs, Order, type OrderEnd, type OrderLine } from '../order/order.entity';
import { TimelineRow } from '../order/timeline-row.entity';

/** What was done to the database of orders. */
export interface RecoveredOrders {
  /** Orders of the stream that the database had lost. */
  readonly restored: number;
  /** Orders that were Pending in the database and have ended by the stream. */
  readonly ended: number;
  /** Restored with lines at today's prices, which do not sum up to the order's total. */
  readonly repriced: readonly string[];
  /** Not restored: one of their products is unknown. */
  readonly refused: readonly string[];
  /** Sequence numbers of messages that this release cannot read: they are not recovered. */
  readonly unreadable: readonly number[];
}

/**
 * Restores in a database of orders what the service's own stream knows: orders that were placed, and ended, after the moment to which the
 * database was restored. Orders must not run. Running it again changes nothing. What the stream does not have stays lost: events that
 * were still in the outbox, and the answers under idempotency keys.
 */
export class OrderRecovery {
  private readonly quotes = new Map<string, ProductQuote | undefined>();
  private readonly repriced: string[] = [];
  private readonly refused: string[] = [];
  private readonly unreadable: number[] = [];
  private restored = 0;
  private ended = 0;

  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly outbox: Outbox,
    private readonly rpc: Pick<RpcClient, 'call'>,
  ) {}

  /** Pending orders get `graceSeconds` from now, for the answers of the others to be delivered again before their deadline. */
  async run(admin: NatsConnection, graceSeconds: number): Promise<RecoveredOrders> {
    for await (const { sequence, event } of streamEvents(admin, 'orders')) {
      if (event === undefined) {
        this.unreadable.push(sequence);
      } else {
        await this.apply(event);
      }
    }
    await this.unitOfWork.manager.query(
      `UPDATE orders SET deadline_at = greatest(deadline_at, now() + make_interval(secs => $1)) WHERE status = 'Pending'`,
      [graceSeconds],
    );
    const { restored, ended, repriced, refused, unreadable } = this;
    return { restored, ended, repriced, refused, unreadable };
  }

  private async apply(event: StreamEvent): Promise<void> {
    switch (event.name) {
      case OrderCreated.name:
        return this.restore(event);
      case OrderConfirmed.name:
        return this.end(event, { status: 'Confirmed' });
      case OrderCanceled.name:
        return this.end(event, { status: 'Canceled', reason: OrderCanceled.data.parse(event.data).reason });
    }
  }

  private async restore(event: StreamEvent): Promise<void> {
    const { orderId, customerId, lines, total } = OrderCreated.data.parse(event.data);
    if (await this.unitOfWork.manager.existsBy(Order, { id: orderId })) {
      return;
    }
    const quoted = await this.quoted(lines);
    if (quoted === undefined) {
      this.refused.push(orderId);
      return;
    }
    const at = new Date(event.time);
    const order = Order.restored({ id: orderId, customerId, lines: quoted, total, sequence: event.sequence, at });
    await this.unitOfWork.run(async (tx) => {
      await tx.insert(Order, order);
      await this.recordPublished(tx, event);
    });
    this.restored += 1;
    if (!costs(quoted, total)) {
      this.repriced.push(orderId);
    }
  }

  private async end(event: StreamEvent, end: OrderEnd): Promise<void> {
    const ended = await this.unitOfWork.run(async (tx) => {
      const order = await tx.findOne(Order, {
        where: { id: event.aggregateId, status: 'Pending' },
        lock: { mode: 'pessimistic_write' },
      });
      if (order === null) {
        return false;
      }
      order.restoreEnd(end, event.sequence, new Date(event.time));
      await tx.save(Order, order);
      await this.recordPublished(tx, event);
      return true;
    });
    this.ended += ended ? 1 : 0;
  }

  /** The event's step of the timeline, and the event itself, which is published already. */
  private async recordPublished(tx: EntityManager, event: StreamEvent): Promise<void> {
    await tx.insert(TimelineRow, {
      orderId: event.aggregateId,
      event: event.name,
      service: event.source,
      at: new Date(event.time),
      attempt: 1,
      causationId: event.causationId,
      traceId: traceIdOf(event.traceparent),
    });
    await this.outbox.appendPublished(tx, { ...event, data: JSON.stringify(event.data) });
  }

  /** Lines at today's names and prices; undefined when a product is unknown. */
  private async quoted(
    lines: readonly Pick<OrderLine, 'productId' | 'quantity'>[],
  ): Promise<readonly OrderLine[] | undefined> {
    const unknown = lines.map(({ productId }) => productId).filter((id) => !this.quotes.has(id));
    if (unknown.length > 0) {
      // Without an actor, so that products which were archived since are quoted too.
      const { quotes } = await this.rpc.call(ProductsRpc.quote, { productIds: unknown });
      unknown.forEach((id) =>
        this.quotes.set(
          id,
          quotes.find(({ productId }) => productId === id),
        ),
      );
    }
    const found = lines.flatMap(({ productId, quantity }) => {
      const quote = this.quotes.get(productId);
      return quote === undefined ? [] : [{ ...quote, quantity }];
    });
    return found.length < lines.length ? undefined : found;
  }
}
