import { z } from 'zod';
import { defineEvent } from './event';
import { Money } from './money';
import { Id, Timestamp } from './primitives';
import { defineRpc } from './rpc';

export const PaymentStatuses = ['Reserved', 'Failed', 'Captured', 'Released', 'Refunded'] as const;
export const PaymentStatus = z.enum(PaymentStatuses).meta({ id: 'PaymentStatus' });
export type PaymentStatus = z.infer<typeof PaymentStatus>;

/**
 * Every state of a payment. The public statuses, and before them:
 * `Expected`: the end of the order arrived before the order itself. `Authorizing`: the provider's answer is outstanding.
 * `Abandoning`: many attempts went unanswered; the authorization is being voided so that a late one cannot charge.
 * `Withdrawn`: the order was canceled before the provider was asked for anything.
 */
export const PaymentStates = ['Expected', 'Authorizing', 'Abandoning', 'Withdrawn', ...PaymentStatuses] as const;
export type PaymentState = (typeof PaymentStates)[number];

/** What the order wants of its money: `hold` while it is Pending, `take` when Confirmed, `return` when Canceled. */
export const PaymentPurposes = ['hold', 'take', 'return'] as const;
export type PaymentPurpose = (typeof PaymentPurposes)[number];

/** What the provider can be asked for. Each operation takes effect at most once per payment, however often it is tried. */
export const ProviderOperations = ['authorize', 'capture', 'void', 'refund'] as const;
export type ProviderOperation = (typeof ProviderOperations)[number];

export const PaymentView = z
  .object({ id: Id, orderId: Id, status: PaymentStatus, amount: Money, createdAt: Timestamp })
  .meta({ id: 'Payment' });
export type PaymentView = z.infer<typeof PaymentView>;

/** Payments of one order: none yet, or one. */
export const PaymentList = z.object({ items: z.array(PaymentView) }).meta({ id: 'PaymentList' });
export type PaymentList = z.infer<typeof PaymentList>;

/** Query string of `GET /v1/payments`. */
export const ListPayments = z.strictObject({ orderId: Id });
export type ListPayments = z.infer<typeof ListPayments>;

export const PaymentsRpc = {
  list: defineRpc({
    service: 'payments',
    name: 'list',
    kind: 'query',
    scopes: ['orders:read'],
    request: ListPayments,
    response: PaymentList,
    summary: 'The payments of an order the caller may see; none for anyone else’s',
  }),
} as const;

const payment = { orderId: Id, paymentId: Id, amount: Money };

export const PaymentReserved = defineEvent({
  name: 'PaymentReserved',
  version: 1,
  producer: 'payments',
  aggregate: 'payment',
  handledBy: ['orders', 'products'],
  data: z.object(payment),
  summary: 'The funds of an order are reserved',
});
export const PaymentFailed = defineEvent({
  name: 'PaymentFailed',
  version: 1,
  producer: 'payments',
  aggregate: 'payment',
  handledBy: ['orders'],
  data: z.object({ ...payment, reason: z.enum(['payment-declined', 'insufficient-funds', 'payment-error']) }),
  summary: 'The funds of an order could not be reserved',
});
export const PaymentCaptured = defineEvent({
  name: 'PaymentCaptured',
  version: 1,
  producer: 'payments',
  aggregate: 'payment',
  handledBy: ['orders'],
  data: z.object(payment),
  summary: 'The reserved funds of a confirmed order were taken',
});
export const PaymentReleased = defineEvent({
  name: 'PaymentReleased',
  version: 1,
  producer: 'payments',
  aggregate: 'payment',
  handledBy: ['orders'],
  data: z.object(payment),
  summary: 'The reserved funds of a canceled order were given back',
});
