/**
 * The currencies of ISO 4217 by their minor digits: the codes of list one (current currencies and funds) as the maintenance
 * agency, SIX, published it on 2026-01-01
 * (https://www.six-group.com/en/products-services/financial-information/data-standards.html), but those without a minor unit:
 * precious metals, units of account, testing. `Intl` is no source for this: 16 currencies have other digits there, because it
 * knows how prices are written, not what the minor unit is; and both change with Node.
 */
const active = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  2: `
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
    CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
    MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
    SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG
    YER ZAR ZMW ZWG`,
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
} as const;

/** Withdrawn since 2014, with the digits they had last: not to be written any more, but what is stored has to be shown. */
const withdrawn = {
  0: 'BYR',
  2: 'ANG BGN CUC HRK LTL LVL MRO SLL STD USS VEF ZWL',
} as const;

const digitsByCode = (table: Readonly<Record<number, string>>): ReadonlyMap<string, number> =>
  new Map(
    Object.entries(table).flatMap(([digits, codes]) =>
      codes
        .trim()
        .split(/\s+/)
        .map((code) => [code, Number(digits)] as const),
    ),
  );

/** Minor digits of each currency that an amount may be given in today. */
export const activeCurrencies = digitsByCode(active);

const shownCurrencies: ReadonlyMap<string, number> = new Map([...digitsByCode(withdrawn), ...activeCurrencies]);

/** How many digits of an amount in minor units come after the point; undefined for a code that ISO 4217 does not know. */
export const minorDigitsOf = (currency: string): number | undefined => shownCurrencies.get(currency);
