import type { z } from 'zod';
import { textsIn } from '../test/texts-in';
import { activeCurrencies } from './currencies';
import { Currency, CurrencyCode, formatMoney, Money } from './money';
import { eventContracts, rpcContracts } from './registry';

/** What ICU has otherwise: how prices are written in shops, not the minor unit of ISO 4217. */
const NOT_AS_INTL = {
  AFN: 2,
  ALL: 2,
  COP: 2,
  HUF: 2,
  IDR: 2,
  IQD: 3,
  IRR: 2,
  KPW: 2,
  LAK: 2,
  LBP: 2,
  MGA: 2,
  MMK: 2,
  PKR: 2,
  SOS: 2,
  SYP: 2,
  YER: 2,
};
/** Funds, units of account, and the second code of the bolívar. */
const UNKNOWN_TO_INTL = ['BOV', 'CHE', 'CHW', 'CLF', 'COU', 'MXV', 'USN', 'UYI', 'UYW', 'VED', 'XAD'];
/** Withdrawn, or without a minor unit. */
const ONLY_IN_INTL = ['ANG', 'BGN', 'CUC', 'HRK', 'SLL', 'XDR', 'XSU', 'ZWL'];

const digitsOfIntl = (currency: string): number | undefined =>
  new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits;

describe('the table of currencies', () => {
  it('has as many codes of each number of digits as list one of ISO 4217 of 2026-01-01', () => {
    const counts = new Map<number, number>();
    for (const digits of activeCurrencies.values()) {
      counts.set(digits, (counts.get(digits) ?? 0) + 1);
    }
    expect([...counts].toSorted()).toEqual([
      [0, 17],
      [2, 139],
      [3, 7],
      [4, 2],
    ]);
  });

  it('differs from ICU in these codes and no others', () => {
    const known = new Set(Intl.supportedValuesOf('currency'));
    const codes = [...activeCurrencies.keys()];
    expect(codes.filter((code) => !known.has(code)).toSorted()).toEqual(UNKNOWN_TO_INTL);
    expect([...known].filter((code) => !activeCurrencies.has(code)).toSorted()).toEqual(ONLY_IN_INTL);
  });

  it('differs from ICU in the digits of these codes and no others', () => {
    const different = [...activeCurrencies].filter(([code, digits]) => digitsOfIntl(code) !== digits);
    expect(Object.fromEntries(different.toSorted())).toEqual(NOT_AS_INTL);
  });
});

describe('a currency', () => {
  it.each(['EUR', 'JPY', 'PKR', 'XCG', 'ZWG', 'SLE'])('%s may be written', (code) => {
    expect(Currency.safeParse(code).success).toBe(true);
  });

  it.each(['HRK', 'BGN', 'ANG', 'ZWL', 'SLL', 'DEM', 'XAU', 'XXX', 'XTS', 'QQQ', 'eur', 'EURO', ''])(
    '%s may not be written: withdrawn, without a minor unit, or none',
    (code) => {
      expect(Currency.safeParse(code).success).toBe(false);
    },
  );

  it.each(['HRK', 'DEM', 'QQQ'])('%s is read nevertheless', (currency) => {
    expect(CurrencyCode.safeParse(currency).success).toBe(true);
    expect(Money.parse({ amountMinor: 1, currency })).toEqual({ amountMinor: 1, currency });
  });
});

describe('an unknown currency', () => {
  const currencies = (schema: z.ZodType, name: string) =>
    textsIn(schema, name).filter(([path]) => path.endsWith('/currency'));
  const paths = (found: ReturnType<typeof currencies>) => found.map(([path]) => path);
  const read = [
    ...eventContracts.flatMap(({ subject, data }) => currencies(data, subject)),
    ...rpcContracts.flatMap(({ subject, response }) => currencies(response, subject)),
  ];
  const written = rpcContracts.flatMap(({ subject, request }) => currencies(request, subject));
  /** Compared with what is stored, so it has to be able to name that. */
  const compared = ['rpc.products.list/currency', 'rpc.orders.place/expectedTotal/currency'];

  it('fails no event and no answer', () => {
    expect(paths(read)).toEqual(
      expect.arrayContaining([
        'events.orders.order.order-created.v1/total/currency',
        'rpc.products.list/items/price/currency',
        'rpc.products.quote/quotes/unitPrice/currency',
        'rpc.orders.place/order/lines/unitPrice/currency',
        'rpc.payments.list/items/amount/currency',
      ]),
    );
    expect(paths(read.filter(([, schema]) => !schema.safeParse('QQQ').success))).toEqual([]);
  });

  it('is refused wherever a request stores it', () => {
    expect(paths(written)).toContain('rpc.products.create/price/currency');
    const taken = written.filter(([, schema]) => schema.safeParse('QQQ').success);
    expect(paths(taken).toSorted()).toEqual(compared.toSorted());
  });
});

describe('an amount in words', () => {
  it.each([
    [{ amountMinor: 5, currency: 'EUR' }, '0.05 EUR'],
    [{ amountMinor: 99_900, currency: 'PKR' }, '999.00 PKR'],
    [{ amountMinor: 100_000, currency: 'IQD' }, '100.000 IQD'],
    [{ amountMinor: 1235, currency: 'JPY' }, '1235 JPY'],
    [{ amountMinor: 1234, currency: 'KWD' }, '1.234 KWD'],
    [{ amountMinor: 1234, currency: 'CLF' }, '0.1234 CLF'],
    [{ amountMinor: Number.MAX_SAFE_INTEGER, currency: 'EUR' }, '90071992547409.91 EUR'],
    [{ amountMinor: 75_00, currency: 'HRK' }, '75.00 HRK'],
    [{ amountMinor: 75_00, currency: 'BYR' }, '7500 BYR'],
    [{ amountMinor: 75_00, currency: 'QQQ' }, '7500 minor units of QQQ'],
  ])('%j is %s', (amount, words) => {
    expect(formatMoney(amount)).toBe(words);
  });
});
