import { createHash } from 'node:crypto';
import { timeOfUuid, uuidv7 } from '@rookery/platform';

/** Made once, at random; another one would make other ids. */
const NAMESPACE = '5b1f6a0e-2d0c-4c57-9d43-0a6c1a6e7f21';

/**
 * The id of an order's payment: a UUID v7 of the order's time, the same whenever it is opened. The provider's idempotency keys are made
 * of it, so a database that was restored from before the payment, and is told of the order again, finds the charge that is there
 * instead of making a second one.
 */
export function paymentIdOf(orderId: string): string {
  const msecs = timeOfUuid(orderId).getTime();
  const random = createHash('sha256').update(`${NAMESPACE}:${orderId}`).digest().subarray(0, 16);
  return uuidv7({ msecs, random });
}
