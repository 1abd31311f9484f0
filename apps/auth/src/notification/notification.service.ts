import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { EventOf, OrderCanceled, OrderConfirmed, OrderCreated } from '@rookery/contracts';
import { UnitOfWork } from '@rookery/persistence';
import { NotificationMetrics } from './notification.metrics';
import { NotificationRepository } from './notification.repository';
import { NotificationWorker } from './notification.worker';
import type { NewsKind } from './order-mail';
import { isExpired } from './retry-schedule';

/** Adds due mails in the transaction of their event; the worker sends them. */
@Injectable()
export class NotificationService {
  constructor(
    private readonly unitOfWork: UnitOfWork,
    private readonly notifications: NotificationRepository,
    private readonly worker: NotificationWorker,
    private readonly metrics: NotificationMetrics,
  ) {}

  async orderCreated(tx: EntityManager, event: EventOf<typeof OrderCreated>): Promise<void> {
    await this.add('placed', event, () => this.notifications.addPlaced(tx, event));
  }

  async orderConfirmed(tx: EntityManager, event: EventOf<typeof OrderConfirmed>): Promise<void> {
    const news = { kind: 'confirmed', reason: null } as const;
    await this.add(news.kind, event, () => this.notifications.addEnded(tx, event, event.data.orderId, news));
  }

  async orderCanceled(tx: EntityManager, event: EventOf<typeof OrderCanceled>): Promise<void> {
    const { orderId, reason } = event.data;
    await this.add('canceled', event, () =>
      this.notifications.addEnded(tx, event, orderId, { kind: 'canceled', reason }),
    );
  }

  private async add(kind: NewsKind, { time }: { readonly time: string }, add: () => Promise<boolean>): Promise<void> {
    const now = await this.unitOfWork.now();
    // When mails are first enabled, the stream still holds the orders of a week.
    const tooLate = isExpired({ attempts: 0, occurredAt: new Date(time) }, now);
    const due = !tooLate && (await add());
    this.unitOfWork.afterCommit(() => {
      if (due) {
        this.worker.wake();
      } else {
        this.metrics.count(kind, tooLate ? 'expired' : 'no-account');
      }
    });
  }
}
