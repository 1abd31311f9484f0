import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { GroupCommit, UnitOfWork } from '@rookery/persistence';
import { childTraceparent, logger, newTraceparent, runInContext, uuidv7 } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import { type Authorization, PaymentProvider } from '../provider/payment-provider';
import { type Attempt, operationKey, PaymentAttempts } from './payment-attempts';
import type { Payment, PaymentOutcome } from './payment.entity';
import { ProviderTimedOut } from './payment.errors';
import { PaymentRepository } from './payment.repository';

/** Time limit of a provider call. Shorter than a lease, so that normally one operation is not called twice at a time. */
export const PROVIDER_TIMEOUT_MS = 5_000;

/** Executes one leased attempt: calls the provider outside any transaction, then applies its answer in one. */
@Injectable()
export class ProviderCaller {
  private readonly commit: GroupCommit;

  constructor(
    unitOfWork: UnitOfWork,
    private readonly payments: PaymentRepository,
    private readonly attempts: PaymentAttempts,
    private readonly provider: PaymentProvider,
    private readonly sealer: TokenSealer,
  ) {
    this.commit = new GroupCommit(unitOfWork, { reserved: true });
  }

  /** Resolves to whether the payment has another operation due immediately. */
  async execute(attempt: Attempt): Promise<boolean> {
    const payment = await this.payments.getShared(attempt.paymentId);
    return runInContext(contextOf(payment), async () => {
      const outcome = await this.ask(payment, attempt);
      return this.commit.run((tx) => this.apply(tx, attempt, outcome));
    });
  }

  /** The provider's answer; null when it gave none, which leaves open what the provider did. */
  private async ask(payment: Payment, attempt: Attempt): Promise<PaymentOutcome | null> {
    const aborting = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new ProviderTimedOut());
      aborting.abort();
    }, PROVIDER_TIMEOUT_MS);
    const { paymentId, operation, tries } = attempt;
    try {
      return await Promise.race([this.call(payment, attempt, aborting.signal), late.promise]);
    } catch (error) {
      const reason = error instanceof Error ? error.name : 'unknown';
      logger.warn({ paymentId, operation, tries, reason }, 'the payment provider gave no answer');
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  private async call(
    payment: Payment,
    { key, operation, tries }: Attempt,
    signal: AbortSignal,
  ): Promise<PaymentOutcome> {
    const charge = { key, authorizationKey: operationKey(payment.id, 'authorize') };
    switch (operation) {
      case 'authorize':
        return this.authorize(payment, key, tries, signal);
      case 'capture':
        await this.provider.capture(charge, signal);
        return { kind: 'captured' };
      case 'void':
        await this.provider.void(charge, signal);
        return { kind: 'voided' };
      case 'refund':
        await this.provider.refund(charge, signal);
        return { kind: 'refunded' };
    }
  }

  private async authorize(payment: Payment, key: string, tries: number, signal: AbortSignal): Promise<Authorization> {
    // An earlier attempt may have reached the provider and lost only its answer.
    const earlier = tries > 1 ? await this.provider.find(key, signal) : null;
    if (earlier) {
      return earlier;
    }
    const token = await this.openToken(payment);
    if (token === null) {
      return { kind: 'declined', reason: 'payment-error' };
    }
    return this.provider.authorize({ key, token, amount: payment.amount, orderId: payment.orderId }, signal);
  }

  /** A token that cannot be opened now cannot be opened later either. */
  private async openToken({ id, sealedToken }: Payment): Promise<string | null> {
    if (sealedToken === null) {
      return null;
    }
    try {
      return await this.sealer.open(sealedToken);
    } catch {
      logger.error({ paymentId: id }, 'a payment token cannot be opened: do orders and payments share SEALING_KEY?');
      return null;
    }
  }

  private async apply(tx: EntityManager, attempt: Attempt, outcome: PaymentOutcome | null): Promise<boolean> {
    let dueAtOnce = false;
    await this.payments.update(attempt.paymentId, (current, _tx, now) => {
      if (outcome) {
        current.settle(attempt.operation, outcome, now);
      } else {
        current.postpone(attempt.operation, now);
      }
      dueAtOnce = current.operationDueAt !== null && current.operationDueAt <= now;
    });
    await this.attempts.finish(tx, attempt.id, outcome ? outcome.kind : 'unknown');
    return dueAtOnce;
  }
}

/** The answer belongs to the saga step that caused the operation, not to the poll that found it. */
function contextOf({ cause }: Payment) {
  if (!cause) {
    return { correlationId: uuidv7(), traceparent: newTraceparent() };
  }
  const { correlationId, causationId, traceparent } = cause;
  return { correlationId, causationId: causationId ?? undefined, traceparent: childTraceparent(traceparent) };
}
