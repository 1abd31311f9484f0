import { stringify } from 'yaml';
import { type SpecResults, unprovenPractices } from './unproven';

const row = (id: string, state: string, spec: string, title: string): object => ({
  id,
  practice: 'sell',
  state,
  where: ['shop'],
  proof: [{ spec, titles: [title] }],
});
const ledger = stringify({
  chapters: [
    {
      id: 'A',
      title: 'Shops',
      rows: [
        row('A1', 'done', 'shop/shop.spec.ts', 'sells $what'),
        row('A2', 'done', 'shop/shop.spec.ts', 'the till'),
        row('A3', 'partly: no till', 'shop/shop.spec.ts', 'the till'),
        row('A4', 'done', 'other.spec.ts', 'was not asked for'),
      ],
    },
  ],
});

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
    expect(unprovenPractices(ledger, run('pending', 'pending'))).toEqual([
      'A1: skipped here: shop/shop.spec.ts "sells $what"',
      'A2: skipped here: shop/shop.spec.ts "the till"',
    ]);
  });

  it('is proven once its test ran', () => {
    expect(unprovenPractices(ledger, run('passed', 'passed'))).toEqual([]);
  });
});
