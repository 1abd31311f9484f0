import { SECRET } from '@rookery/platform';
import { z } from 'zod';

/** Setting of processes that may share their limits and caches with their replicas. */
export const redisConfig = {
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\/\S+$/, 'must be redis://:password@host:port, or rediss:// with TLS')
    .optional()
    .describe('Redis that replicas share limits and cached reads through; in this process’s memory unless told')
    .meta(SECRET),
} as const;
