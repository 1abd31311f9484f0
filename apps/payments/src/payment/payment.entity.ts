import { Column, Entity } from 'typeorm';
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
import type { FailureReason } from '../provider/payment-provider';
import { operationFor, type Outcome, purposeAfter, stateAfter } from './payment-status';
import { PaymentContradicted, PaymentNotInitiated } from './payment.errors';
import { MAX_AUTHORIZATION_TRIES, retryDelayMs } from './retry-schedule';

/** The origin of the last event that changed the payment: the cause of the provider's answer, perhaps minutes later. */
export interface PaymentCause {
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly traceparent: string;
}

/** The outcome of a provider call; a decline has a reason. */
export type PaymentOutcome =
  { readonly kind: Exclude<Outcome, 'declined'> } | { readonly kind: 'declined'; readonly reason: FailureReason };

/**
 * The payment of one order. It tracks where the money is (status) and where the order wants it (purpose). The operation that
 * moves it is stored with the change that makes it due, before the provider is called.
 */
@Entity({ name: 'payments' })
export class Payment extends AggregateRoot {
  @Column({ type: 'uuid' })
  orderId!: string;

  /** Null until OrderCreated has arrived, like the amount. */
  @Column({ type: 'text', nullable: true })
  customerId!: string | null;

  @Column({ type: 'bigint', nullable: true, transformer: bigintColumn })
  amountMinor!: number | null;

  @Column({ type: 'text', nullable: true })
  currency!: string | null;

  /** Sealed by orders; deleted as soon as the authorization has an outcome. */
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

  /** As the repository's `open` inserts it: only the order's id is known. */
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
    if (this.status !== 'Expected') {
      return;
    }
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

  /** The order has ended: takes or gives back its money, at once or as soon as the pending outcome is known. */
  want(purpose: PaymentPurpose, cause: PaymentCause | null, now: Date): void {
    const next = purposeAfter(this.purpose, purpose);
    if (next === this.purpose) {
      return;
    }
    this.purpose = next;
    this.cause = cause;
    // A running operation is finished first: only a known outcome can be undone.
    if (this.operation === null) {
      this.plan(now);
    }
  }

  /** Applies the provider's answer. An answer to an earlier operation was applied before: each answer has one effect. */
  settle(operation: ProviderOperation, outcome: PaymentOutcome, now: Date): void {
    if (this.operation !== operation) {
      return;
    }
    const next = stateAfter(this.status, outcome.kind);
    if (!next) {
      throw new PaymentContradicted(this.id, this.status, outcome.kind);
    }
    this.status = next;
    this.sealedToken = null;
    this.recordStatus(outcome);
    this.plan(now);
  }

  /** Without a usable answer, schedules the same operation again with the same key. After too many attempts an authorization is abandoned. */
  postpone(operation: ProviderOperation, now: Date): void {
    if (this.operation !== operation) {
      return;
    }
    if (operation === 'authorize' && this.operationTries >= MAX_AUTHORIZATION_TRIES) {
      this.status = 'Abandoning';
      this.plan(now);
      return;
    }
    this.operationDueAt = new Date(now.getTime() + retryDelayMs(this.operationTries));
  }

  get amount(): Money {
    if (this.amountMinor === null || this.currency === null) {
      throw new PaymentNotInitiated(this.id);
    }
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
        // An abandoned authorization held nothing.
        if (this.status === 'Failed') {
          this.record(PaymentFailed, { ...payment, reason: 'payment-error' });
        } else {
          this.record(PaymentReleased, payment);
        }
        break;
      case 'refunded':
        this.record(PaymentReleased, payment);
        break;
    }
  }
}
