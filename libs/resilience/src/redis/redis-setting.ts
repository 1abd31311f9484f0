import { z } from 'zod';
import { SECRET } from '@rookery/platform';

/** Setting of processes that can share limits and caches with their replicas. */
export const redisConfig = {
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\/\S+$/, 'must be redis://:password@host:port, or rediss:// with TLS')
    .optional()
    .describe('Redis through which replicas share limits and cached reads; without it each process uses its own memory')
    .meta(SECRET),
} as const;
