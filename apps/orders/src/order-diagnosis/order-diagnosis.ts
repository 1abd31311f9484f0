import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { OrderDiagnosisRpc, ResponseOf } from '@rookery/contracts';
import { EventTrail } from '@rookery/persistence';
import { Order } from '../order/order.entity';
import { OrderNotFound } from '../order/order.errors';
import { toTimelineEntry } from '../order/order.view';
import { TimelineRow } from '../order/timeline-row.entity';

/** What orders knows about one order, for operators who diagnose a stuck order. */
@Injectable()
export class OrderDiagnosis {
  constructor(
    private readonly dataSource: DataSource,
    private readonly trail: EventTrail,
  ) {}

  /**
   * Reads state and events in one snapshot, so that they are consistent.
   * @throws {OrderNotFound} for an unknown id
   */
  read(id: string, eventIds: readonly string[]): Promise<ResponseOf<typeof OrderDiagnosisRpc.orders>> {
    return this.dataSource.transaction('REPEATABLE READ', async (tx) => {
      const order = await tx.findOneBy(Order, { id });
      if (!order) {
        throw new OrderNotFound();
      }
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
