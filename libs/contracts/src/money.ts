import { z } from 'zod';
import { activeCurrencies, minorDigitsOf } from './currencies';

/** An ISO 4217 alphabetic code that may be given today: a currency that exists and has a minor unit. For what is written. */
export const Currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
  .refine((code) => activeCurrencies.has(code), 'must be the ISO 4217 code of a current currency');
export type Currency = z.infer<typeof Currency>;

/**
 * What has the form of an ISO 4217 code, in use or not. For what is read: a currency may have been withdrawn since it was
 * stored, and another build may know one that this one does not.
 */
export const CurrencyCode = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code');

/** The largest price of one unit, in minor units: ten billion of a two-decimal currency. */
export const MAX_PRICE_MINOR = 1_000_000_000_000;

const amountMinor = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/**
 * An amount of money as it is stored, shown and announced: integer minor units (cents for EUR, yen for JPY) and their
 * currency. Never a float. On the wire the amount is a JSON number no larger than 2^53-1.
 */
export const Money = z.object({ amountMinor, currency: CurrencyCode }).meta({ id: 'Money' });
export type Money = z.infer<typeof Money>;

/** The price of one unit, as somebody sets it. */
export const Price = z
  .strictObject({ amountMinor: z.int().min(0).max(MAX_PRICE_MINOR), currency: Currency })
  .meta({ id: 'Price' });
export type Price = z.infer<typeof Price>;

/** An amount that somebody expects: compared, never stored. */
export const ExpectedMoney = z.strictObject({ amountMinor, currency: CurrencyCode }).meta({ id: 'ExpectedMoney' });
export type ExpectedMoney = z.infer<typeof ExpectedMoney>;

/**
 * An amount for people: `1234.50 EUR`, `1235 JPY`, with as many decimals as the currency has (ISO 4217). By digits, because a
 * float does not hold every amount. A code that nobody knows has no point to set: `1234 minor units of QQQ`.
 */
export function formatMoney({ amountMinor: amount, currency }: Money): string {
  const decimals = minorDigitsOf(currency);
  if (decimals === undefined) {
    return `${amount} minor units of ${currency}`;
  }
  const digits = String(amount).padStart(decimals + 1, '0');
  const point = digits.length - decimals;
  return `${digits.slice(0, point)}${decimals === 0 ? '' : `.${digits.slice(point)}`} ${currency}`;
}
