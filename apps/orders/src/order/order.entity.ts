import { Column, Entity } from 'typeorm';
import {
  type CancellationReason,
  type Money,
  OrderCanceled,
  OrderConfirmed,
  OrderCreated,
  type OrderLineView,
  type OrderStatus,
} from '@rookery/contracts';
import { AggregateRoot, bigintColumn } from '@rookery/persistence';
import { isTerminal, mayBecome } from './order-status';
import { MixedCurrencies, OrderNotCancellable, TotalTooLarge } from './order.errors';
import type { ExternalStep } from './timeline-row.entity';

/** A line as of the placing of the order: later changes of the product do not affect it. */
export type OrderLine = OrderLineView;

export interface Placing {
  readonly id: string;
  /** Subject of the customer's access token. */
  readonly customerId: string;
  readonly lines: readonly OrderLine[];
  readonly sealedPaymentToken: string;
  /** When a Pending order is canceled. */
  readonly deadlineAt: Date;
}

/** An order as its OrderCreated tells it. */
export interface Restoring {
  readonly id: string;
  readonly customerId: string;
  readonly lines: readonly OrderLine[];
  /** What was agreed; the lines may have other prices since. */
  readonly total: Money;
  /** Sequence number of the event. */
  readonly sequence: number;
  readonly at: Date;
}

/** How an order ended. */
export type OrderEnd =
  { readonly status: 'Confirmed' } | { readonly status: 'Canceled'; readonly reason: CancellationReason };

/** How every order begins. */
const PENDING = { status: 'Pending', reason: null, paymentReservedAt: null, stockReservedAt: null } as const;

/** The largest amount that JSON carries exactly. */
const MAX_TOTAL_MINOR = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * An order and its rules. It waits for the funds and the stock, in any order, and ends Confirmed or
 * Canceled, once. Later events change nothing: payments and products give back what they hold when they receive
 * the cancellation.
 */
@Entity({ name: 'orders' })
export class Order extends AggregateRoot {
  @Column({ type: 'text' })
  customerId!: string;

  @Column({ type: 'text' })
  status!: OrderStatus;

  @Column({ type: 'text', nullable: true })
  reason!: CancellationReason | null;

  @Column({ type: 'jsonb' })
  lines!: readonly OrderLine[];

  @Column({ type: 'bigint', transformer: bigintColumn })
  totalMinor!: number;

  @Column({ type: 'char', length: 3 })
  currency!: string;

  @Column({ type: 'timestamptz', nullable: true })
  paymentReservedAt!: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  stockReservedAt!: Date | null;

  @Column({ type: 'timestamptz' })
  deadlineAt!: Date;

  private readonly externalSteps: ExternalStep[] = [];

  static place({ id, customerId, lines, sealedPaymentToken, deadlineAt }: Placing): Order {
    const total = totalOf(lines);
    const order = Object.assign(new Order(), {
      id,
      customerId,
      ...PENDING,
      lines,
      totalMinor: total.amountMinor,
      currency: total.currency,
      deadlineAt,
    } satisfies Partial<Order>);
    order.record(OrderCreated, {
      orderId: id,
      customerId,
      lines: lines.map(({ productId, quantity }) => ({ productId, quantity })),
      total,
      sealedPaymentToken,
    });
    return order;
  }

  /** A Pending order for a database that lost it. Records nothing: its OrderCreated is published already. */
  static restored({ id, customerId, lines, total, sequence, at }: Restoring): Order {
    return Object.assign(new Order(), {
      id,
      eventSequence: sequence,
      customerId,
      ...PENDING,
      lines,
      totalMinor: total.amountMinor,
      currency: total.currency,
      deadlineAt: at,
      createdAt: at,
      updatedAt: at,
    });
  }

  /** Ends a restored order. Records nothing: the event with this sequence number is published already. */
  restoreEnd(end: OrderEnd, sequence: number, at: Date): void {
    this.become(end.status);
    if (end.status === 'Canceled') {
      this.reason = end.reason;
    } else {
      this.paymentReservedAt ??= at;
      this.stockReservedAt ??= at;
    }
    this.version += 1;
    this.eventSequence = sequence;
    this.updatedAt = at;
  }

  get isTerminal(): boolean {
    return isTerminal(this.status);
  }

  paymentReserved(now: Date): void {
    if (this.isTerminal || this.paymentReservedAt) {
      return;
    }
    this.paymentReservedAt = now;
    this.confirmWhenReady();
  }

  stockReserved(now: Date): void {
    if (this.isTerminal || this.stockReservedAt) {
      return;
    }
    this.stockReservedAt = now;
    this.confirmWhenReady();
  }

  paymentFailed(reason: CancellationReason): void {
    if (!this.isTerminal) {
      this.endCanceled(reason);
    }
  }

  stockRejected(reason: CancellationReason): void {
    if (!this.isTerminal) {
      this.endCanceled(reason);
    }
  }

  /** A requested cancellation: unlike an event, it fails visibly when it is too late. */
  cancel(reason: CancellationReason): void {
    if (this.isTerminal) {
      throw new OrderNotCancellable(this.status);
    }
    this.endCanceled(reason);
  }

  /** Cancels an order that is still Pending at its deadline. */
  expire(now: Date): void {
    if (this.isTerminal || now < this.deadlineAt) {
      return;
    }
    this.endCanceled('deadline-exceeded');
  }

  /** Records a saga step of another service, whether or not it still changes the order. */
  recordStep(step: ExternalStep): void {
    this.externalSteps.push(step);
  }

  /** The external steps recorded since the order was loaded. */
  recordedSteps(): readonly ExternalStep[] {
    return this.externalSteps;
  }

  private confirmWhenReady(): void {
    if (!this.paymentReservedAt || !this.stockReservedAt) {
      return;
    }
    this.become('Confirmed');
    this.record(OrderConfirmed, { orderId: this.id });
  }

  private endCanceled(reason: CancellationReason): void {
    this.become('Canceled');
    this.reason = reason;
    this.record(OrderCanceled, { orderId: this.id, reason });
  }

  private become(status: OrderStatus): void {
    if (!mayBecome(this.status, status)) {
      throw new Error(`An order that is ${this.status} cannot become ${status}`);
    }
    this.status = status;
  }
}

/**
 * The total of the lines.
 * @throws {MixedCurrencies} when they have several
 * @throws {TotalTooLarge} when no number holds it exactly
 */
export function totalOf(lines: readonly OrderLine[]): Money {
  const currencies = new Set(lines.map((line) => line.unitPrice.currency));
  const [currency] = currencies;
  if (currency === undefined) {
    throw new Error('An order has at least one line');
  }
  if (currencies.size > 1) {
    throw new MixedCurrencies([...currencies]);
  }
  const amountMinor = sumOf(lines);
  if (amountMinor > MAX_TOTAL_MINOR) {
    throw new TotalTooLarge();
  }
  return { amountMinor: Number(amountMinor), currency };
}

/** Whether the lines cost exactly that: neither another amount nor another currency. */
export const costs = (lines: readonly OrderLine[], { amountMinor, currency }: Money): boolean =>
  lines.every(({ unitPrice }) => unitPrice.currency === currency) && sumOf(lines) === BigInt(amountMinor);

/** In bigint: a hundred lines of ten thousand units of the most expensive product exceed 2^53. */
const sumOf = (lines: readonly OrderLine[]): bigint =>
  lines.reduce((sum, line) => sum + BigInt(line.unitPrice.amountMinor) * BigInt(line.quantity), 0n);
