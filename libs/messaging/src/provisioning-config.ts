import { commonConfig } from '@rookery/platform';
import { z } from 'zod';

const { NATS_URL, NATS_PASSWORD, LOG_LEVEL } = commonConfig;

/** Settings of the job that provisions the broker: the one process with the admin's password. */
export const provisioningConfig = z.object({
  NATS_URL,
  NATS_USER: z.string().min(1).default('rookery-admin').describe('Admin of the account'),
  NATS_PASSWORD,
  LOG_LEVEL,
  BROKER_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe('How many servers of the cluster keep each stream; as it is unless told'),
});
