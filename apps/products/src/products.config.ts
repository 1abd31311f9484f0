import { z } from 'zod';
import { commonConfig, cursorConfig, databaseConfig, portSetting } from '@rookery/platform';
import { internalJwksSetting } from '@rookery/security';

/** Every setting of the products process. */
export const ProductsConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3002),
  ...databaseConfig,
  ...cursorConfig,
  INTERNAL_JWKS: internalJwksSetting,
});
export type ProductsConfig = z.output<typeof ProductsConfig>;
