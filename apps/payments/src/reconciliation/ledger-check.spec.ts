import fc from 'fast-check';
import { type PaymentState, PaymentStates } from '@rookery/contracts';
import { orderId, paymentId } from '../../test/builders';
import type { LedgerEntry } from '../provider/payment-provider';
import { disagreements, type RecordedPayment } from './ledger-check';

type LedgerState = LedgerEntry['state'];
const amount = { amountMinor: 1250, currency: 'EUR' };
const payment = (status: PaymentState): RecordedPayment => ({ orderId, id: paymentId, status, amount });
const charge = (state: LedgerState, of = amount): LedgerEntry => ({ orderId, state, amount: of });
const kinds = (recorded: RecordedPayment | null, ledger: readonly LedgerEntry[]) =>
  disagreements(recorded, ledger).map(({ kind }) => kind);

const ledgerStates: readonly LedgerState[] = ['declined', 'authorized', 'voided', 'captured', 'refunded'];

/** Written out once more. `-`: no charge at all. */
const agree: Record<PaymentState, readonly (LedgerState | '-')[]> = {
  Expected: ['-'],
  Authorizing: ['-', 'declined', 'authorized', 'voided'],
  Abandoning: ['-', 'declined', 'authorized', 'voided'],
  Withdrawn: ['-'],
  Reserved: ['authorized'],
  Failed: ['-', 'declined', 'voided'],
  Captured: ['captured'],
  Released: ['voided'],
  Refunded: ['refunded'],
};
const matrix = PaymentStates.flatMap((status) =>
  (['-', ...ledgerStates] as const).map((state) => ({ status, state, agrees: agree[status].includes(state) })),
);

describe('the provider’s ledger beside a payment', () => {
  it.each(matrix)('$status and $state agree: $agrees', ({ status, state, agrees }) => {
    expect(kinds(payment(status), state === '-' ? [] : [charge(state)])).toEqual(agrees ? [] : ['charge-state']);
  });

  it.each([
    ['another amount', { amountMinor: 1251, currency: 'EUR' }],
    ['another currency', { amountMinor: 1250, currency: 'USD' }],
  ])('shows %s', (_what, other) => {
    expect(disagreements(payment('Captured'), [charge('captured', other)])).toEqual([
      {
        kind: 'charge-amount',
        payments: 'Captured 1250 EUR',
        provider: `captured ${other.amountMinor} ${other.currency}`,
      },
    ]);
  });

  it('reports a double charge, whatever other entries there are', () => {
    const holding = fc.constantFrom<LedgerState>('authorized', 'captured');
    const others = fc.array(fc.constantFrom<LedgerState>('declined', 'voided', 'refunded'));
    fc.assert(
      fc.property(fc.constantFrom(...PaymentStates), holding, holding, others, (status, one, two, rest) => {
        const ledger = [one, ...rest, two].map((state) => charge(state));
        expect(kinds(payment(status), ledger)).toEqual(['double-charge']);
      }),
    );
  });

  it('reports money without a payment, and nothing where none is held', () => {
    expect(kinds(null, [charge('captured')])).toEqual(['charge-without-payment']);
    expect(kinds(null, [charge('authorized')])).toEqual(['charge-without-payment']);
    expect(kinds(null, [charge('declined'), charge('voided'), charge('refunded')])).toEqual([]);
  });

  it('compares the charge that holds the money, not those of earlier attempts', () => {
    expect(kinds(payment('Captured'), [charge('declined'), charge('captured'), charge('voided')])).toEqual([]);
    expect(kinds(payment('Refunded'), [charge('voided'), charge('refunded')])).toEqual([]);
  });
});
