import { logger, Metrics } from '@rookery/platform';
import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import type { NewsKind } from './order-mail';
import { type Backlog, type Ending, NotificationRepository } from './notification.repository';

/** How the mails fare. */
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
          logger.debug({ err: error }, 'due mails cannot be counted');
          return undefined;
        }),
      );
    gauge('notifications_due', 'Mails that wait to be sent', ({ mails }) => mails);
    gauge(
      'notifications_oldest_due_age_seconds',
      'Age of the oldest mail that waits; 0 when none does',
      ({ ageSeconds }) => Math.max(ageSeconds, 0),
    );
  }

  /** Counts an attempt by how it ended, or a mail that is not sent at all. */
  count(kind: NewsKind, outcome: Ending | 'retry'): void {
    this.mails.inc({ kind, outcome });
  }
}
