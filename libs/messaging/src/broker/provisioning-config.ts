import { brokerConfig, commonConfig } from '@rookery/platform';
import { z } from 'zod';
import { DEAD_LETTER_STREAM_MAX_BYTES, EVENT_STREAM_MAX_BYTES } from './definitions';

const bytesSetting = (fallback: number) => z.coerce.number().int().min(1_048_576).default(fallback);

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
    .describe(
      'How many servers of the cluster keep each stream; as it is unless told, and one where there is no cluster',
    ),
  BROKER_EVENT_STREAM_BYTES: bytesSetting(EVENT_STREAM_MAX_BYTES).describe(
    'Bytes that the stream of events of each producer may hold; a full one refuses, and no orders are taken',
  ),
  BROKER_DEAD_LETTER_STREAM_BYTES: bytesSetting(DEAD_LETTER_STREAM_MAX_BYTES).describe(
    'Bytes that the stream of dead letters of each consumer may hold',
  ),
});
