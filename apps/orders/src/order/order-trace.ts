import { Injectable } from '@nestjs/common';
import type { OrderTraceRpc } from '@rookery/contracts';
import { EventTrail } from '@rookery/persistence';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import { Order } from './order.entity';
import { OrderNotFound } from './order.errors';
import { toTimelineEntry } from './order.view';
import { TimelineRow } from './timeline-row.entity';

/** What orders knows of an order, for operators who ask why it is stuck. */
@Injectable()
export class OrderTrace {
  constructor(
    private readonly dataSource: DataSource,
    private readonly trail: EventTrail,
  ) {}

  /** As it is at one moment, so that state and events fit together. Throws OrderNotFound. */
  read(id: string, eventIds: readonly string[]): Promise<z.output<typeof OrderTraceRpc.orders.response>> {
    return this.dataSource.transaction('REPEATABLE READ', async (tx) => {
      const order = await tx.findOneBy(Order, { id });
      if (!order) throw new OrderNotFound();
      const rows = await tx.find(TimelineRow, { where: { orderId: id }, order: { position: 'ASC' } });
      const { status, reason, createdAt, updatedAt, deadlineAt, paymentReservedAt, stockReservedAt } = order;
      return {
        order: {
          status,
          reason,
          createdAt: createdAt.toISOString(),
          updatedAt: updatedAt.toISOString(),
          deadlineAt: deadlineAt.toISOString(),
          paymentReservedAt: paymentReservedAt?.toISOString() ?? null,
          stockReservedAt: stockReservedAt?.toISOString() ?? null,
        },
        steps: rows.map(toTimelineEntry),
        events: await this.trail.read(tx, id, eventIds),
      };
    });
  }
}
