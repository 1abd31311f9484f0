import { brokerConfig, commonConfig } from '@rookery/platform';
import { z } from 'zod';

const { LOG_LEVEL } = commonConfig;

/** Settings of the job that provisions the broker: the one process with the admin's key. */
export const provisioningConfig = z.object({
  ...brokerConfig,
  NATS_NKEY_SEED: brokerConfig.NATS_NKEY_SEED.describe('Seed of the nkey of the account’s admin'),
  LOG_LEVEL,
  BROKER_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe('How many servers of the cluster keep each stream; as it is unless told'),
});
