import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { logger, newTraceparent, PollingWorker, runInContext } from '@rookery/platform';
import { type Handover, Mailer } from './mailer';
import { NotificationMetrics } from './notification.metrics';
import { type Ending, type Notification, NotificationRepository } from './notification.repository';
import { orderMail } from './order-mail';
import { isExpired, retryDelayMs } from './retry-schedule';

/** Mails that are sent in parallel. */
const PARALLEL_MAILS = 8;
/** Interval of the poll for mails without a wake-up: of another replica, a retry, or an expired lease. */
const POLL_MS = 2_000;
/** Timeout of one mail, even with a server that responds one byte at a time. */
const SEND_TIMEOUT_MS = 30_000;
/** Longer than sending and recording the result take. */
const LEASE_MS = SEND_TIMEOUT_MS + 30_000;
/** Time to finish running mails at a shutdown; then the next process sends them again, under the same id. */
const GRACE_MS = 5_000;

/** Sends due mails in the background; the replica that claims a mail first sends it. */
@Injectable()
export class NotificationWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly aborting = new AbortController();
  private readonly worker = new PollingWorker({
    turn: async () => (await this.sendDue()) > 0,
    pollMs: POLL_MS,
    failed: (error) => logger.warn({ err: error }, 'cannot claim due mails, retrying'),
    recovered: (failures) => logger.info({ failures }, 'claiming due mails again'),
  });

  constructor(
    private readonly notifications: NotificationRepository,
    private readonly mailer: Mailer,
    private readonly metrics: NotificationMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  /** Signals that a mail is due. A lost signal does no harm: the poll finds the mail too. */
  wake(): void {
    this.worker.wake();
  }

  /** Claims no further mails and finishes the running ones. */
  async beforeApplicationShutdown(): Promise<void> {
    const grace = setTimeout(() => this.aborting.abort(), GRACE_MS);
    await this.worker.stop();
    clearTimeout(grace);
  }

  /** Sends at most `PARALLEL_MAILS` due mails and returns how many it claimed. */
  async sendDue(): Promise<number> {
    const claimed = await this.notifications.claim(PARALLEL_MAILS, LEASE_MS);
    await Promise.all(claimed.map((notification) => this.deliver(notification)));
    return claimed.length;
  }

  private async deliver(notification: Notification): Promise<void> {
    const { correlationId, orderId, news } = notification;
    await runInContext({ correlationId, traceparent: newTraceparent() }, async () => {
      try {
        await this.recordOutcome(notification, await this.send(notification));
      } catch (error) {
        // The mail is claimed again when the lease ends.
        logger.error({ err: error, orderId, kind: news.kind }, 'could not record the outcome of a mail');
      }
    });
  }

  private async send(notification: Notification): Promise<Handover | { readonly outcome: 'expired' | 'no-account' }> {
    const { id, orderId, news, total, to } = notification;
    if (isExpired(notification, notification.leasedAt)) {
      return { outcome: 'expired' };
    }
    if (to === null) {
      return { outcome: 'no-account' };
    }
    const signal = AbortSignal.any([AbortSignal.timeout(SEND_TIMEOUT_MS), this.aborting.signal]);
    return this.mailer.send({ id, to, ...orderMail(news, orderId, total) }, signal);
  }

  private async recordOutcome(
    notification: Notification,
    { outcome, ...facts }: Handover | { readonly outcome: Ending },
  ): Promise<void> {
    const { orderId, news, attempts } = notification;
    const { kind } = news;
    if (outcome === 'failed') {
      await this.notifications.postpone(notification, retryDelayMs(attempts));
      this.metrics.count(kind, 'retry');
      logger.warn({ orderId, kind, attempts, ...facts }, 'could not send a mail, retrying');
      return;
    }
    await this.notifications.end(notification, outcome);
    this.metrics.count(kind, outcome);
    if (outcome === 'sent') {
      logger.info({ orderId, kind, attempts }, 'mail sent');
    } else {
      logger.error({ orderId, kind, attempts, outcome, ...facts }, 'gave up on a mail');
    }
  }
}
