import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { logger, PollingWorker } from '@rookery/platform';
import { type Attempt, PaymentAttempts } from './payment-attempts';
import { PROVIDER_TIMEOUT_MS, ProviderCaller } from './provider-caller';

/** Concurrent calls to the provider. */
const PARALLEL_CALLS = 32;
/** Maximum delay of an operation without wake-up: one of another replica, a retry, or one whose caller died. */
const POLL_MS = 500;
/** Exceeds the duration of a call and of applying its answer. Until it ends no other process calls the provider for this operation. */
export const LEASE_MS = PROVIDER_TIMEOUT_MS + 10_000;

/** Executes all due operations; the first replica to claim one executes it. */
@Injectable()
export class PaymentWorker implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly running = new Set<Promise<void>>();
  private readonly worker = new PollingWorker({
    turn: () => this.claimAndStart(),
    pollMs: POLL_MS,
    failed: (error) => logger.warn({ err: error }, 'cannot claim due payment operations, retrying'),
    recovered: (failures) => logger.info({ failures }, 'claiming due payment operations again'),
  });

  constructor(
    private readonly attempts: PaymentAttempts,
    private readonly provider: ProviderCaller,
  ) {}

  onApplicationBootstrap(): void {
    this.worker.start();
  }

  /** Signals due work. A lost signal is harmless: the poll finds the work too. */
  wake(): void {
    this.worker.wake();
  }

  /** Claims no further operations and finishes the running ones. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.worker.stop();
    await Promise.all(this.running);
  }

  private async claimAndStart(): Promise<void> {
    const free = PARALLEL_CALLS - this.running.size;
    if (free === 0) {
      return;
    }
    for (const attempt of await this.attempts.claim(free, LEASE_MS)) {
      this.start(attempt);
    }
  }

  private start(attempt: Attempt): void {
    const work = this.execute(attempt).finally(() => {
      this.running.delete(work);
      // At the limit, due operations may have stayed unclaimed.
      if (this.running.size === PARALLEL_CALLS - 1) {
        this.wake();
      }
    });
    this.running.add(work);
  }

  private async execute(attempt: Attempt): Promise<void> {
    try {
      if (await this.provider.execute(attempt)) {
        this.wake();
      }
    } catch (error) {
      // The lease ends and the operation is claimed again, with the same key.
      const { paymentId, operation, tries } = attempt;
      logger.error({ err: error, paymentId, operation, tries }, 'a payment operation could not be finished');
    }
  }
}
