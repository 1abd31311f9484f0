import { z } from 'zod';
import { commonConfig, cursorConfig, databaseConfig, portSetting } from '@rookery/platform';
import { internalJwksSetting, sealingKeySetting, signingKeySetting } from '@rookery/security';

/** Every setting of the orders process. */
export const OrdersConfig = z.object({
  ...commonConfig,
  PORT: portSetting(3003),
  ...databaseConfig,
  ...cursorConfig,
  INTERNAL_SIGNING_KEY: signingKeySetting,
  INTERNAL_JWKS: internalJwksSetting,
  SEALING_KEY: sealingKeySetting('payments'),
  ORDER_DEADLINE_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(60)
    .describe('How long an order may stay Pending before it is canceled'),
  ORDER_LAG_LIMIT_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400)
    .optional()
    .describe(
      'Lag of the saga from which new orders are refused with 503, until it falls below half of it; two fifths of ORDER_DEADLINE_SECONDS by default',
    ),
  ORDER_SWEEP_INTERVAL_MS: z.coerce
    .number()
    .int()
    .min(10)
    .max(60_000)
    .default(1_000)
    .describe('Pause between two searches for orders past their deadline'),
  RECONCILIATION_INTERVAL_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(604_800)
    .default(3_600)
    .describe('From one successful comparison with payments and products to the next'),
  RECONCILIATION_SETTLING_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(120)
    .describe('How long after the end of an order the services may still disagree about it'),
});
export type OrdersConfig = z.output<typeof OrdersConfig>;
