import { setTimeout as delay } from 'node:timers/promises';
import { logger, newTraceparent, runInContext } from '@rookery/platform';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Mailer, type Handover } from './mailer';
import { NotificationMetrics } from './notification.metrics';
import { type Ending, type Notification, NotificationRepository } from './notification.repository';
import { orderMail } from './order-mail';
import { isExpired, retryDelayMs } from './retry-schedule';

/** Mails that are sent at the same time. */
const PARALLEL_MAILS = 8;
/** How soon a mail is found that this process was not woken for: another replica's, one to be tried again, one whose sender died. */
const POLL_MS = 2_000;
/** Longest that one mail may take, also with a server that answers a byte at a time. */
const SEND_TIMEOUT_MS = 30_000;
/** Longer than that and noting the end take. */
const LEASE_MS = SEND_TIMEOUT_MS + 30_000;
/** What is being sent at a shutdown gets so long; then it is left to the next process, under the same id. */
const GRACE_MS = 5_000;

/** Sends the mails that are due, by whichever replica claims one first. Nobody waits for it. */
@Injectable()
export class NotificationWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private running: Promise<void> | undefined;
  private stopping = false;
  private waking = new AbortController();
  private readonly breakingOff = new AbortController();
  private claimFails = false;

  constructor(
    private readonly notifications: NotificationRepository,
    private readonly mailer: Mailer,
    private readonly metrics: NotificationMetrics,
  ) {}

  onApplicationBootstrap(): void {
    this.running ??= this.work();
  }

  /** Says that something is due now. May be lost: the poll finds it as well. */
  wake(): void {
    this.waking.abort();
  }

  /** Claims nothing more and finishes what is in hand. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake();
    const grace = setTimeout(() => this.breakingOff.abort(), GRACE_MS);
    await this.running;
    clearTimeout(grace);
  }

  /** Sends what is due now, `PARALLEL_MAILS` at most; returns how many it took. */
  async sendDue(): Promise<number> {
    const claimed = await this.notifications.claim(PARALLEL_MAILS, LEASE_MS);
    await Promise.all(claimed.map((notification) => this.carryOut(notification)));
    return claimed.length;
  }

  private async work(): Promise<void> {
    while (!this.stopping) {
      this.waking = new AbortController();
      if ((await this.trySendDue()) > 0) continue;
      await delay(POLL_MS, undefined, { signal: this.waking.signal }).catch(() => undefined);
    }
  }

  private async trySendDue(): Promise<number> {
    try {
      const count = await this.sendDue();
      if (this.claimFails) logger.info('due mails are claimed again');
      this.claimFails = false;
      return count;
    } catch (error) {
      // Once per outage, not once per poll.
      if (!this.claimFails) logger.warn({ err: error }, 'due mails cannot be claimed, trying on');
      this.claimFails = true;
      return 0;
    }
  }

  private async carryOut(notification: Notification): Promise<void> {
    const { correlationId, orderId, news } = notification;
    await runInContext({ correlationId, traceparent: newTraceparent() }, async () => {
      try {
        await this.conclude(notification, await this.send(notification));
      } catch (error) {
        // The lease ends and the mail is claimed again.
        logger.error({ err: error, orderId, kind: news.kind }, 'what became of a mail could not be noted');
      }
    });
  }

  private async send(notification: Notification): Promise<Handover | { readonly outcome: 'expired' | 'no-account' }> {
    const { id, orderId, news, total, to } = notification;
    if (isExpired(notification, notification.leasedAt)) return { outcome: 'expired' };
    if (to === null) return { outcome: 'no-account' };
    const signal = AbortSignal.any([AbortSignal.timeout(SEND_TIMEOUT_MS), this.breakingOff.signal]);
    return this.mailer.send({ id, to, ...orderMail(news, orderId, total) }, signal);
  }

  private async conclude(
    notification: Notification,
    { outcome, ...facts }: Handover | { readonly outcome: Ending },
  ): Promise<void> {
    const { orderId, news, attempts } = notification;
    const { kind } = news;
    if (outcome === 'failed') {
      await this.notifications.postpone(notification, retryDelayMs(attempts));
      this.metrics.count(kind, 'retry');
      logger.warn({ orderId, kind, attempts, ...facts }, 'a mail could not be sent, it is tried again');
      return;
    }
    await this.notifications.end(notification, outcome);
    this.metrics.count(kind, outcome);
    if (outcome === 'sent') logger.info({ orderId, kind, attempts }, 'mail sent');
    else logger.error({ orderId, kind, attempts, outcome, ...facts }, 'a mail was given up');
  }
}
