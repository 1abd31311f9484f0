import { z } from 'zod';
import { brokerConfig, commonConfig } from '@rookery/platform';
import { DEAD_LETTER_STREAM_MAX_BYTES, EVENT_STREAM_MAX_BYTES } from './definitions';

const bytesSetting = (fallback: number) => z.coerce.number().int().min(1_048_576).default(fallback);

const { LOG_LEVEL } = commonConfig;

/** Settings of the job that provisions the broker, the only process with the admin's key. */
export const provisioningConfig = z.object({
  ...brokerConfig,
  NATS_NKEY_SEED: brokerConfig.NATS_NKEY_SEED.describe('Seed of the admin nkey of the account'),
  LOG_LEVEL,
  BROKER_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .optional()
    .describe('Number of cluster servers that keep a copy of each stream; default: unchanged, and 1 without a cluster'),
  BROKER_EVENT_STREAM_BYTES: bytesSetting(EVENT_STREAM_MAX_BYTES).describe(
    'Size limit of each event stream in bytes; a full stream rejects events, and no orders are accepted',
  ),
  BROKER_DEAD_LETTER_STREAM_BYTES: bytesSetting(DEAD_LETTER_STREAM_MAX_BYTES).describe(
    'Size limit of each dead-letter stream in bytes',
  ),
});
