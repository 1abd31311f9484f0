import { commonConfig, databaseConfig, portSetting, SECRET } from '@rookery/platform';
import { z } from 'zod';

/** Every setting of the payments process. */
export const PaymentsConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3004),
  ...databaseConfig,
  INTERNAL_JWKS: z.string().min(1).describe('JWK set of all callers that may sign internal tokens'),
  SEALING_KEY: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes as base64url')
    .describe('Key that payment tokens are sealed with; the same as that of orders')
    .meta(SECRET),
});
export type PaymentsConfig = z.output<typeof PaymentsConfig>;
