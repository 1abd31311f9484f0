import type { PaymentRecord, PaymentState } from '@rookery/contracts';
import type { LedgerEntry } from '../provider/payment-provider';

/** A payment as its row says. */
export interface RecordedPayment {
  readonly orderId: string;
  readonly id: string;
  readonly status: PaymentState;
  /** Null until OrderCreated has come. */
  readonly amount: { readonly amountMinor: number; readonly currency: string } | null;
}

type LedgerDifference = PaymentRecord['ledger'][number];

const none: readonly LedgerEntry['state'][] = ['declined', 'voided'];

/** What the provider may say of a payment in each state; undefined: it may not know of it at all. */
const allowed: Readonly<Record<PaymentState, readonly (LedgerEntry['state'] | undefined)[]>> = {
  Expected: [undefined],
  // The answer is outstanding: anything can be true.
  Authorizing: [undefined, ...none, 'authorized'],
  Abandoning: [undefined, ...none, 'authorized'],
  Withdrawn: [undefined],
  Reserved: ['authorized'],
  Failed: [undefined, ...none],
  Captured: ['captured'],
  Released: ['voided'],
  Refunded: ['refunded'],
};

/** Money of ours at the provider, or taken by it. */
const holdsMoney = ({ state }: LedgerEntry): boolean => state === 'authorized' || state === 'captured';

/** What a payment and the provider's entries of the same order disagree on. */
export function disagreements(payment: RecordedPayment | null, ledger: readonly LedgerEntry[]): LedgerDifference[] {
  const holding = ledger.filter(holdsMoney);
  if (payment === null) {
    if (holding.length === 0) return [];
    return [{ kind: 'charge-without-payment', payments: 'no payment', provider: textOf(holding) }];
  }
  const payments = `${payment.status} ${amountText(payment.amount)}`;
  if (holding.length > 1) return [{ kind: 'double-charge', payments, provider: textOf(holding) }];
  // Declined and voided entries beside the one that counts are of earlier tries.
  const entry = holding[0] ?? ledger.find(({ state }) => state === 'refunded') ?? ledger[0];
  const provider = textOf(entry === undefined ? [] : [entry]);
  const found: LedgerDifference[] = [];
  if (!allowed[payment.status].includes(entry?.state)) found.push({ kind: 'charge-state', payments, provider });
  if (entry !== undefined && amountText(entry.amount) !== amountText(payment.amount)) {
    found.push({ kind: 'charge-amount', payments, provider });
  }
  return found;
}

const amountText = (amount: RecordedPayment['amount']): string =>
  amount === null ? 'without amount' : `${amount.amountMinor} ${amount.currency}`;

const textOf = (entries: readonly LedgerEntry[]): string =>
  entries.length === 0 ? 'no charge' : entries.map(({ state, amount }) => `${state} ${amountText(amount)}`).join(', ');
