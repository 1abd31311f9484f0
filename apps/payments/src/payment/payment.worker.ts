import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { logger } from '@rookery/platform';
import { PaymentAttempts, type Attempt } from './payment-attempts';
import { ProviderCaller, PROVIDER_TIMEOUT_MS } from './provider-caller';

/** Calls to the provider at the same time. */
const PARALLEL_CALLS = 32;
/** How soon an operation is found that this process was not woken for: another replica's, a retry, one whose caller died. */
const POLL_MS = 500;
/** Longer than a call and applying its answer take; until it ends nobody else calls the provider for the same operation. */
export const LEASE_MS = PROVIDER_TIMEOUT_MS + 10_000;

/** Sees to it that every operation that is due is carried out, by whichever replica claims it first. */
@Injectable()
export class PaymentWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly inHand = new Set<Promise<void>>();
  private running: Promise<void> | undefined;
  private stopping = false;
  private woken = false;
  private claimFails = false;
  private endNap: (() => void) | undefined;

  constructor(
    private readonly attempts: PaymentAttempts,
    private readonly provider: ProviderCaller,
  ) {}

  onApplicationBootstrap(): void {
    this.running ??= this.work();
  }

  /** Says that something is due now. May be lost: the poll finds it as well. */
  wake(): void {
    this.woken = true;
    this.endNap?.();
  }

  /** Claims nothing more and finishes what is in hand. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
    await Promise.all(this.inHand);
  }

  private async work(): Promise<void> {
    while (!this.stopping) {
      this.woken = false;
      await this.claimAndStart();
      await this.nap();
    }
  }

  private async claimAndStart(): Promise<void> {
    const free = PARALLEL_CALLS - this.inHand.size;
    if (free === 0) return;
    try {
      const claimed = await this.attempts.claim(free, LEASE_MS);
      if (this.claimFails) logger.info('due payment operations are claimed again');
      this.claimFails = false;
      for (const attempt of claimed) this.start(attempt);
    } catch (error) {
      // Once per outage, not once per poll.
      if (!this.claimFails) logger.warn({ err: error }, 'due payment operations cannot be claimed, trying on');
      this.claimFails = true;
    }
  }

  private start(attempt: Attempt): void {
    const work = this.execute(attempt).finally(() => {
      this.inHand.delete(work);
      // A full house may have left due operations unclaimed.
      if (this.inHand.size === PARALLEL_CALLS - 1) this.wake();
    });
    this.inHand.add(work);
  }

  private async execute(attempt: Attempt): Promise<void> {
    try {
      if (await this.provider.execute(attempt)) this.wake();
    } catch (error) {
      // The lease ends and the operation is claimed again, with the same key.
      const { paymentId, operation, tries } = attempt;
      logger.error({ err: error, paymentId, operation, tries }, 'a payment operation could not be finished');
    }
  }

  /** Waits for the next poll, unless there is or comes something to do. */
  private nap(): Promise<void> {
    if (this.woken || this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.endNap = undefined;
        resolve();
      };
      const timer = setTimeout(end, POLL_MS);
      this.endNap = end;
    });
  }
}
