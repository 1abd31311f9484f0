import { z } from 'zod';
import { commonConfig, databaseConfig, portSetting } from '@rookery/platform';
import { internalJwksSetting, sealingKeySetting } from '@rookery/security';

/** Every setting of the payments process. */
export const PaymentsConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3004),
  ...databaseConfig,
  INTERNAL_JWKS: internalJwksSetting,
  SEALING_KEY: sealingKeySetting('orders'),
});
export type PaymentsConfig = z.output<typeof PaymentsConfig>;
