import { commonConfig, databaseConfig, portSetting } from '@rookery/platform';
import { z } from 'zod';

/** Every setting of the products process. */
export const ProductsConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3002),
  ...databaseConfig,
  INTERNAL_JWKS: z.string().min(1).describe('JWK set of all callers that may sign internal tokens'),
});
export type ProductsConfig = z.output<typeof ProductsConfig>;
