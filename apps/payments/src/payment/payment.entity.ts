import {
  type DataOf,
  type Money,
  type OrderCreated,
  PaymentCaptured,
  PaymentFailed,
  type PaymentPurpose,
  PaymentReleased,
  PaymentReserved,
  type PaymentState,
  type ProviderOperation,
} from '@rookery/contracts';
import { AggregateRoot, bigintColumn } from '@rookery/persistence';
import { Column, Entity } from 'typeorm';
import type { FailureReason } from '../provider/payment-provider';
import { operationFor, purposeAfter, stateAfter, type Outcome } from './payment-status';
import { PaymentContradicted, PaymentNotInitiated } from './payment.errors';
import { MAX_AUTHORIZATION_TRIES, retryDelayMs } from './retry-schedule';

/** Where the event came from that moved the payment last: what the provider's answer, perhaps minutes later, is caused by. */
export interface PaymentCause {
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly traceparent: string;
}

/** What the provider did; a decline says why. */
export type PaymentOutcome =
  { readonly kind: Exclude<Outcome, 'declined'> } | { readonly kind: 'declined'; readonly reason: FailureReason };

/**
 * The payment of one order. It knows where the money is (status) and where the order wants it (purpose); the operation that
 * brings it there is stored with the change that makes it due, before anyone calls the provider.
 */
@Entity({ name: 'payments' })
export class Payment extends AggregateRoot {
  @Column({ type: 'uuid' })
  orderId!: string;

  /** Null until OrderCreated has come, like the amount. */
  @Column({ type: 'text', nullable: true })
  customerId!: string | null;

  @Column({ type: 'bigint', nullable: true, transformer: bigintColumn })
  amountMinor!: number | null;

  @Column({ type: 'text', nullable: true })
  currency!: string | null;

  /** Sealed as orders sent it; forgotten as soon as the authorization has an outcome. */
  @Column({ type: 'text', nullable: true })
  sealedToken!: string | null;

  @Column({ type: 'text' })
  status!: PaymentState;

  @Column({ type: 'text' })
  purpose!: PaymentPurpose;

  @Column({ type: 'text', nullable: true })
  operation!: ProviderOperation | null;

  @Column({ type: 'timestamptz', nullable: true })
  operationDueAt!: Date | null;

  @Column({ type: 'integer' })
  operationTries!: number;

  @Column({ type: 'jsonb', nullable: true })
  cause!: PaymentCause | null;

  /** As the repository's `open` inserts it: nothing is known yet but the order's id. */
  static open(id: string, orderId: string): Payment {
    return Object.assign(new Payment(), {
      id,
      orderId,
      customerId: null,
      amountMinor: null,
      currency: null,
      sealedToken: null,
      status: 'Expected',
      purpose: 'hold',
      operation: null,
      operationDueAt: null,
      operationTries: 0,
      cause: null,
    } satisfies Partial<Payment>);
  }

  initiate(order: DataOf<typeof OrderCreated>, cause: PaymentCause | null, now: Date): void {
    if (this.status !== 'Expected') return;
    this.customerId = order.customerId;
    this.amountMinor = order.total.amountMinor;
    this.currency = order.total.currency;
    this.cause = cause;
    if (this.purpose === 'return') {
      this.status = 'Withdrawn';
      return;
    }
    this.sealedToken = order.sealedPaymentToken;
    this.status = 'Authorizing';
    this.plan(now);
  }

  /** The order has ended: its money is to be taken or given back, at once or when it is known where it is. */
  want(purpose: PaymentPurpose, cause: PaymentCause | null, now: Date): void {
    const next = purposeAfter(this.purpose, purpose);
    if (next === this.purpose) return;
    this.purpose = next;
    this.cause = cause;
    // What is under way is finished first: only a known outcome can be undone.
    if (this.operation === null) this.plan(now);
  }

  /** The provider has answered. An answer to what is no longer asked was applied before: answers have one effect. */
  settle(operation: ProviderOperation, outcome: PaymentOutcome, now: Date): void {
    if (this.operation !== operation) return;
    const next = stateAfter(this.status, outcome.kind);
    if (!next) throw new PaymentContradicted(this.id, this.status, outcome.kind);
    this.status = next;
    this.sealedToken = null;
    this.recordStatus(outcome);
    this.plan(now);
  }

  /** No usable answer: the same operation again later, with the same key. After too many tries an authorization is given up. */
  postpone(operation: ProviderOperation, now: Date): void {
    if (this.operation !== operation) return;
    if (operation === 'authorize' && this.operationTries >= MAX_AUTHORIZATION_TRIES) {
      this.status = 'Abandoning';
      this.plan(now);
      return;
    }
    this.operationDueAt = new Date(now.getTime() + retryDelayMs(this.operationTries));
  }

  get amount(): Money {
    if (this.amountMinor === null || this.currency === null) throw new PaymentNotInitiated(this.id);
    return { amountMinor: this.amountMinor, currency: this.currency };
  }

  private plan(now: Date): void {
    this.operation = operationFor(this.status, this.purpose);
    this.operationDueAt = this.operation ? now : null;
    this.operationTries = 0;
  }

  private recordStatus(outcome: PaymentOutcome): void {
    const payment = { orderId: this.orderId, paymentId: this.id, amount: this.amount };
    switch (outcome.kind) {
      case 'authorized':
        this.record(PaymentReserved, payment);
        break;
      case 'declined':
        this.record(PaymentFailed, { ...payment, reason: outcome.reason });
        break;
      case 'captured':
        this.record(PaymentCaptured, payment);
        break;
      case 'voided':
        // Nothing was held when an unanswered authorization was given up.
        if (this.status === 'Failed') this.record(PaymentFailed, { ...payment, reason: 'payment-error' });
        else this.record(PaymentReleased, payment);
        break;
      case 'refunded':
        this.record(PaymentReleased, payment);
        break;
    }
  }
}
