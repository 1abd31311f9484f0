import { z } from 'zod';
import { recoveryConfig } from '@rookery/messaging';
import { databaseConfig } from '@rookery/platform';
import { signingKeySetting } from '@rookery/security';

/** Settings of the recovery of orders: the broker's admin, the restored database, and the key that signs the questions to products. */
export const OrderRecoveryConfig = z.object({
  ...recoveryConfig.shape,
  ...databaseConfig,
  INTERNAL_SIGNING_KEY: signingKeySetting,
  RECOVERY_GRACE_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(999_999)
    .default(600)
    .describe('Seconds that Pending orders get from now, for the answers of the other services to be delivered again'),
});
