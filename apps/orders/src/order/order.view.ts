import type { OrderView, TimelineEntry } from '@rookery/contracts';
import type { Order } from './order.entity';
import type { TimelineRow } from './timeline-row.entity';

/** Fields in the contract's order: the idempotency store keeps the serialized view. */
export const toOrderView = (order: Order): OrderView => ({
  id: order.id,
  status: order.status,
  reason: order.reason,
  lines: order.lines.map(({ productId, sku, name, quantity, unitPrice }) => ({
    productId,
    sku,
    name,
    quantity,
    unitPrice: { amountMinor: unitPrice.amountMinor, currency: unitPrice.currency },
  })),
  total: { amountMinor: order.totalMinor, currency: order.currency },
  version: order.version,
  createdAt: order.createdAt.toISOString(),
  updatedAt: order.updatedAt.toISOString(),
});

export const toTimelineEntry = (row: TimelineRow): TimelineEntry => ({
  position: row.position,
  event: row.event,
  service: row.service,
  at: row.at.toISOString(),
  attempt: row.attempt,
  causationId: row.causationId,
  traceId: row.traceId,
});
