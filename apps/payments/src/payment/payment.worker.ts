import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { logger } from '@rookery/platform';
import { PaymentAttempts, type Attempt } from './payment-attempts';
import { ProviderCaller, PROVIDER_TIMEOUT_MS } from './provider-caller';

/** Maximum number of concurrent calls to the provider. */
const PARALLEL_CALLS = 32;
/** How soon the poll finds an operation without a wake-up: of another replica, a retry, or after a crash. */
const POLL_MS = 500;
/** Longer than a call and applying its answer; until it ends no other process calls the provider for the same operation. */
export const LEASE_MS = PROVIDER_TIMEOUT_MS + 10_000;

/** Executes every due operation; replicas share them by claiming. */
@Injectable()
export class PaymentWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly inFlight = new Set<Promise<void>>();
  private running: Promise<void> | undefined;
  private stopping = false;
  private woken = false;
  private claimFails = false;
  private endPause: (() => void) | undefined;

  constructor(
    private readonly attempts: PaymentAttempts,
    private readonly provider: ProviderCaller,
  ) {}

  onApplicationBootstrap(): void {
    this.running ??= this.work();
  }

  /** Signals a due operation. A lost signal does no harm: the poll finds the operation as well. */
  wake(): void {
    this.woken = true;
    this.endPause?.();
  }

  /** Stops claiming and finishes the calls in flight. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.wake();
    await this.running;
    await Promise.all(this.inFlight);
  }

  private async work(): Promise<void> {
    while (!this.stopping) {
      this.woken = false;
      await this.claimAndStart();
      await this.pause();
    }
  }

  private async claimAndStart(): Promise<void> {
    const free = PARALLEL_CALLS - this.inFlight.size;
    if (free === 0) return;
    try {
      const claimed = await this.attempts.claim(free, LEASE_MS);
      if (this.claimFails) logger.info('due payment operations are claimed again');
      this.claimFails = false;
      for (const attempt of claimed) this.start(attempt);
    } catch (error) {
      // Once per outage, not once per poll.
      if (!this.claimFails) logger.warn({ err: error }, 'due payment operations cannot be claimed, retrying');
      this.claimFails = true;
    }
  }

  private start(attempt: Attempt): void {
    const work = this.execute(attempt).finally(() => {
      this.inFlight.delete(work);
      // At the limit, due operations may have stayed unclaimed.
      if (this.inFlight.size === PARALLEL_CALLS - 1) this.wake();
    });
    this.inFlight.add(work);
  }

  private async execute(attempt: Attempt): Promise<void> {
    try {
      if (await this.provider.execute(attempt)) this.wake();
    } catch (error) {
      // After the lease the operation is claimed again, with the same key.
      const { paymentId, operation, tries } = attempt;
      logger.error({ err: error, paymentId, operation, tries }, 'a payment operation could not be finished');
    }
  }

  /** Waits for the next poll or wake-up. */
  private pause(): Promise<void> {
    if (this.woken || this.stopping) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.endPause = undefined;
        resolve();
      };
      const timer = setTimeout(end, POLL_MS);
      this.endPause = end;
    });
  }
}
