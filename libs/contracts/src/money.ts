import { z } from 'zod';

const isoCurrencies = new Set(Intl.supportedValuesOf('currency'));

/** ISO 4217 alphabetic code. */
export const Currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
  .refine((code) => isoCurrencies.has(code), 'must be an ISO 4217 code');
export type Currency = z.infer<typeof Currency>;

/** The largest price of one unit, in minor units: ten billion of a two-decimal currency. */
export const MAX_PRICE_MINOR = 1_000_000_000_000;

/**
 * An amount of money: integer minor units (cents for EUR, yen for JPY) and their ISO 4217 currency. Never a float.
 * On the wire the amount is a JSON number no larger than 2^53-1.
 */
export const Money = z
  .strictObject({ amountMinor: z.int().min(0).max(Number.MAX_SAFE_INTEGER), currency: Currency })
  .meta({ id: 'Money' });
export type Money = z.infer<typeof Money>;

/** The price of one unit. */
export const Price = z
  .strictObject({ amountMinor: z.int().min(0).max(MAX_PRICE_MINOR), currency: Currency })
  .meta({ id: 'Price' });
export type Price = z.infer<typeof Price>;
