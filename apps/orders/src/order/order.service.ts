import { Injectable } from '@nestjs/common';
import type { EventEnvelope, OrderPage, OrdersRpc, OrderView, RequestOf, ResponseOf } from '@rookery/contracts';
import { Inbox, Searches } from '@rookery/persistence';
import { type Actor, Cursors, isOperator, traceIdOf } from '@rookery/platform';
import type { Order } from './order.entity';
import { OrderNotFound } from './order.errors';
import { OrderRepository } from './order.repository';
import { toOrderView, toTimelineEntry } from './order.view';

/** An event whose data names an order. */
export type OrderRelatedEvent = EventEnvelope<{ readonly orderId: string }>;

/** Reads, cancels and updates existing orders; `OrderPlacement` places new ones. */
@Injectable()
export class OrderService {
  constructor(
    private readonly orders: OrderRepository,
    private readonly inbox: Inbox,
    private readonly searches: Searches,
    private readonly cursors: Cursors,
  ) {}

  async get(id: string, actor: Actor): Promise<OrderView> {
    const order = await this.orders.find(id);
    return toOrderView(visibleTo(actor, order));
  }

  async list(query: RequestOf<typeof OrdersRpc.list>, actor: Actor): Promise<OrderPage> {
    const customerId = isOperator(actor) ? null : actor.subject;
    const before = this.cursors.positionOf(query, customerId)?.id ?? null;
    const status = query.status ?? null;
    // One row more than requested shows whether there is a next page.
    const newest = () => this.orders.newestBefore(before, { customerId, status }, query.limit + 1);
    const found = await (status === null ? newest() : this.searches.run(newest));
    // Ids are in the order of creation and never change: they alone are a position.
    const { rows, nextCursor } = this.cursors.page(found, query, ({ id }) => ({ value: '', id }), customerId);
    return { items: rows.map(toOrderView), nextCursor };
  }

  async timeline(id: string, after: number, actor: Actor): Promise<ResponseOf<typeof OrdersRpc.timeline>> {
    const { order, rows } = await this.orders.findWithTimeline(id, after);
    const { status } = visibleTo(actor, order);
    return { status, items: rows.map(toTimelineEntry) };
  }

  /** Cancels a Pending order on request of its customer or an operator. */
  async cancel(id: string, actor: Actor): Promise<OrderView> {
    const canceled = await this.orders.update(id, (order) => {
      const { customerId } = visibleTo(actor, order);
      order.cancel(customerId === actor.subject ? 'customer-request' : 'operator-request');
    });
    return toOrderView(canceled);
  }

  /** Records another service's event in the order's timeline and lets the order react, once per event. */
  async applyEvent(event: OrderRelatedEvent, react?: (order: Order, now: Date) => void): Promise<void> {
    await this.inbox.once(event, async () => {
      await this.orders.update(event.data.orderId, (order, _tx, now) => {
        order.recordStep({
          event: event.name,
          service: event.source,
          at: new Date(event.time),
          attempt: event.attempt,
          causationId: event.causationId,
          traceId: traceIdOf(event.traceparent),
        });
        react?.(order, now);
      });
    });
  }
}

/** The order, if it exists and the actor may see it; otherwise the same error for both. */
function visibleTo(actor: Actor, order: Order | null): Order {
  if (!order || (order.customerId !== actor.subject && !isOperator(actor))) {
    throw new OrderNotFound();
  }
  return order;
}
