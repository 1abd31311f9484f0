import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { logger, Metrics } from '@rookery/platform';
import { type Backlog, type Ending, NotificationRepository } from './notification.repository';
import type { NewsKind } from './order-mail';

/** Metrics of the mails to customers. */
@Injectable()
export class NotificationMetrics {
  private readonly mails: Counter<'kind' | 'outcome'>;

  constructor(metrics: Metrics, notifications: NotificationRepository) {
    this.mails = new Counter({
      name: 'notifications_total',
      help: 'Mails to customers; outcome is sent, retry, refused, expired or no-account',
      labelNames: ['kind', 'outcome'],
      registers: [metrics.registry],
    });
    // Without a database the gauges keep their last values and the scrape still succeeds.
    const gauge = (name: string, help: string, valueOf: (backlog: Backlog) => number): void =>
      metrics.gauge(name, help, () =>
        notifications.backlog().then(valueOf, (error: unknown) => {
          logger.debug({ err: error }, 'could not count due mails');
          return undefined;
        }),
      );
    gauge('notifications_due', 'Mails waiting to be sent', ({ mails }) => mails);
    gauge('notifications_oldest_due_age_seconds', 'Age of the oldest waiting mail; 0 without one', ({ ageSeconds }) =>
      Math.max(ageSeconds, 0),
    );
  }

  /** Counts the outcome of an attempt, or a mail that is not sent at all. */
  count(kind: NewsKind, outcome: Ending | 'retry'): void {
    this.mails.inc({ kind, outcome });
  }
}
