import type { Difference } from '@rookery/contracts';
import { type Findings, verdictOf } from './verdict';

const difference = (kind: Difference['kind'], orderId: string): Difference => ({
  kind,
  orderId,
  paymentId: null,
  productId: null,
  says: {},
});

const well: Findings = {
  service: 'products',
  cameToRest: true,
  violations: [],
  differences: [],
  lost: new Set(),
  orders: [{ id: 'one', lines: [{ productId: 'egg', quantity: 2 }] }],
};

/** As when stock that ran out was given to another order the second time. */
const undeliverable: Findings = {
  ...well,
  differences: [difference('reservation-missing', 'one')],
  violations: [
    { invariant: 'I4', what: 'product egg: 58 sold, Confirmed orders have 60' },
    { invariant: 'I11', what: 'a dead letter that nobody injected: products 1' },
  ],
};

describe('the verdict on a restore test', () => {
  it('is content when all is well', () => {
    expect(verdictOf(well)).toEqual({ broken: [], undeliverable: [] });
  });

  it('names an order that cannot be delivered, and takes what follows from it as explained', () => {
    expect(verdictOf(undeliverable)).toEqual({ broken: [], undeliverable: ['one'] });
  });

  it('explains no more by it than it explains', () => {
    const units = { invariant: 'I4', what: 'product egg: 57 sold, Confirmed orders have 60' };
    const letter = { invariant: 'I11', what: 'a dead letter that nobody injected: products 2' };
    expect(verdictOf({ ...undeliverable, violations: [units] }).broken).toHaveLength(1);
    expect(verdictOf({ ...undeliverable, violations: [...undeliverable.violations, letter] }).broken).toHaveLength(2);
    expect(verdictOf({ ...undeliverable, service: 'orders' }).broken).toHaveLength(3);
  });

  it('takes a lost order that is named, and no other difference', () => {
    const differences = [difference('payment-without-order', 'two'), difference('double-charge', 'one')];
    expect(verdictOf({ ...well, differences, lost: new Set(['two']) }).broken).toEqual([
      'reconcile: double-charge of one',
    ]);
  });

  it('is broken by an invariant of the orders that are there, and by unrest', () => {
    const violations = [
      { invariant: 'I3', what: 'captured 2 times' },
      { invariant: 'I10', what: 'order one belongs to no key' },
    ];
    expect(verdictOf({ ...well, cameToRest: false, violations }).broken).toEqual([
      'not everything came to rest',
      'I3: captured 2 times',
    ]);
  });
});
