import { createHash } from 'node:crypto';
import { timeOfUuid, uuidv7 } from '@rookery/platform';

/** Random, chosen once; another namespace would produce other ids. */
const NAMESPACE = '5b1f6a0e-2d0c-4c57-9d43-0a6c1a6e7f21';

/**
 * The id of an order's payment: a UUID v7 with the order's time, always the same for one order. The provider's idempotency keys are
 * derived from it. So a database restored to before the payment, which receives the order's event again, finds the existing charge
 * instead of creating a second one.
 */
export function paymentIdOf(orderId: string): string {
  const msecs = timeOfUuid(orderId).getTime();
  const random = createHash('sha256').update(`${NAMESPACE}:${orderId}`).digest().subarray(0, 16);
  return uuidv7({ msecs, random });
}
