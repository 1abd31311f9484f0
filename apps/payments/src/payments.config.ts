import { commonConfig, databaseConfig, portSetting, SECRET } from '@rookery/platform';
import { internalJwksSetting } from '@rookery/security';
import { z } from 'zod';

/** Every setting of the payments process. */
export const PaymentsConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3004),
  ...databaseConfig,
  INTERNAL_JWKS: internalJwksSetting,
  SEALING_KEY: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes as base64url')
    .describe('Key that payment tokens are sealed with; the same as that of orders')
    .meta(SECRET),
});
export type PaymentsConfig = z.output<typeof PaymentsConfig>;
