import { unprovenPractices, type SpecResults } from './unproven';

const files = { folder: 'docs' };
const ledger = [
  '| A1 | one | done | [a](../a) | [s](../shop/shop.spec.ts) "sells $what" | – |',
  '| A2 | two | done | [a](../a) | [s](../shop/shop.spec.ts) "the till" | – |',
  '| A3 | three | partly: no till | [a](../a) | [s](../shop/shop.spec.ts) "the till" | – |',
  '| A4 | four | done | [a](../a) | [s](../other.spec.ts) "was not asked for" | – |',
].join('\n');

const run = (sells: string, till: string): SpecResults => [
  {
    name: '/home/me/rookery/shop/shop.spec.ts',
    assertionResults: [
      { title: 'sells shoes (once)', ancestorTitles: ['a shop'], status: sells },
      { title: 'counts', ancestorTitles: ['the till'], status: till },
    ],
  },
];

describe('a practice whose proof was skipped', () => {
  it('is not proven on this machine, and the test is named', () => {
    expect(unprovenPractices(ledger, run('pending', 'pending'), files)).toEqual([
      'A1: skipped here: shop/shop.spec.ts "sells $what"',
      'A2: skipped here: shop/shop.spec.ts "the till"',
    ]);
  });

  it('is proven once its test ran', () => {
    expect(unprovenPractices(ledger, run('passed', 'passed'), files)).toEqual([]);
  });
});
