import type { PaymentView } from '@rookery/contracts';
import { isPublic } from './payment-status';
import type { Payment } from './payment.entity';

/** The customers' view; a payment without a public status is left out. */
export const viewsOf = (payments: readonly Payment[]): PaymentView[] =>
  payments.flatMap(({ id, orderId, status, amount, createdAt }) =>
    isPublic(status) ? [{ id, orderId, status, amount, createdAt: createdAt.toISOString() }] : [],
  );
