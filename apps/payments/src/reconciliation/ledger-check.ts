import type { PaymentRecord, PaymentState } from '@rookery/contracts';
import type { LedgerEntry } from '../provider/payment-provider';

/** A payment as stored. */
export interface RecordedPayment {
  readonly orderId: string;
  readonly id: string;
  readonly status: PaymentState;
  /** Null until OrderCreated has arrived. */
  readonly amount: { readonly amountMinor: number; readonly currency: string } | null;
}

type LedgerDifference = PaymentRecord['ledger'][number];

const withoutMoney: readonly LedgerEntry['state'][] = ['declined', 'voided'];

/** The ledger states that fit each payment state; undefined: the provider may have no entry. */
const allowed: Readonly<Record<PaymentState, readonly (LedgerEntry['state'] | undefined)[]>> = {
  Expected: [undefined],
  // The answer is outstanding: every state fits.
  Authorizing: [undefined, ...withoutMoney, 'authorized'],
  Abandoning: [undefined, ...withoutMoney, 'authorized'],
  Withdrawn: [undefined],
  Reserved: ['authorized'],
  Failed: [undefined, ...withoutMoney],
  Captured: ['captured'],
  Released: ['voided'],
  Refunded: ['refunded'],
};

/** Whether the provider holds or has taken the money. */
const holdsMoney = ({ state }: LedgerEntry): boolean => state === 'authorized' || state === 'captured';

/** The differences between a payment and the provider's entries of the same order. */
export function disagreements(payment: RecordedPayment | null, ledger: readonly LedgerEntry[]): LedgerDifference[] {
  const holding = ledger.filter(holdsMoney);
  if (payment === null) {
    if (holding.length === 0) {
      return [];
    }
    return [{ kind: 'charge-without-payment', payments: 'no payment', provider: textOf(holding) }];
  }
  const payments = `${payment.status} ${amountText(payment.amount)}`;
  if (holding.length > 1) {
    return [{ kind: 'double-charge', payments, provider: textOf(holding) }];
  }
  // Declined and voided entries beside the decisive one come from earlier attempts.
  const entry = holding[0] ?? ledger.find(({ state }) => state === 'refunded') ?? ledger[0];
  const provider = textOf(entry === undefined ? [] : [entry]);
  const found: LedgerDifference[] = [];
  if (!allowed[payment.status].includes(entry?.state)) {
    found.push({ kind: 'charge-state', payments, provider });
  }
  if (entry !== undefined && amountText(entry.amount) !== amountText(payment.amount)) {
    found.push({ kind: 'charge-amount', payments, provider });
  }
  return found;
}

const amountText = (amount: RecordedPayment['amount']): string =>
  amount === null ? 'without amount' : `${amount.amountMinor} ${amount.currency}`;

const textOf = (entries: readonly LedgerEntry[]): string =>
  entries.length === 0 ? 'no charge' : entries.map(({ state, amount }) => `${state} ${amountText(amount)}`).join(', ');
