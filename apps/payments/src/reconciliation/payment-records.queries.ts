import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type MoneyState, type PaymentRecord, type PaymentState, reachOf, type RecordRange } from '@rookery/contracts';
import { PROVIDER_TIMEOUT_MS } from '../payment/provider-caller';
import { type LedgerEntry, PaymentProvider } from '../provider/payment-provider';
import { disagreements, type RecordedPayment } from './ledger-check';

const moneyIn: Readonly<Record<PaymentState, MoneyState>> = {
  Expected: 'none',
  Authorizing: 'uncertain',
  Abandoning: 'uncertain',
  Withdrawn: 'none',
  Reserved: 'held',
  Failed: 'none',
  Captured: 'taken',
  Released: 'none',
  Refunded: 'none',
};

interface PaymentRow {
  readonly id: string;
  readonly orderId: string;
  readonly status: PaymentState;
  readonly amountMinor: string | null;
  readonly currency: string | null;
}

/** The reconciliation records of payments: its own rows, each compared with the provider's ledger. */
@Injectable()
export class PaymentRecordQueries {
  constructor(
    private readonly dataSource: DataSource,
    private readonly provider: PaymentProvider,
  ) {}

  /** The records of a range of order ids, including orders that only the provider knows. */
  async list(range: RecordRange): Promise<{ upTo: string; items: PaymentRecord[] }> {
    const [payments, ledger] = await Promise.all([
      this.payments(range),
      this.provider.ledger(range, AbortSignal.timeout(PROVIDER_TIMEOUT_MS)),
    ]);
    const paymentOf = new Map(payments.map((payment) => [payment.orderId, payment]));
    const chargesOf = Map.groupBy(ledger, ({ orderId }) => orderId);
    const reached = [reachOf(range, [...paymentOf.keys()]), reachOf(range, [...chargesOf.keys()])].toSorted();
    const upTo = reached[0] ?? range.upTo;
    const ids = [...new Set([...paymentOf.keys(), ...chargesOf.keys()])].filter((id) => id <= upTo).toSorted();
    const items = ids.map((id) => recordOf(id, paymentOf.get(id) ?? null, chargesOf.get(id) ?? []));
    return { upTo, items };
  }

  private async payments({ after, upTo, limit }: RecordRange): Promise<readonly RecordedPayment[]> {
    const rows = await this.dataSource.query<PaymentRow[]>(
      `SELECT id, order_id AS "orderId", status, amount_minor AS "amountMinor", currency FROM payments
       WHERE order_id > $1 AND order_id <= $2 ORDER BY order_id LIMIT $3`,
      [after, upTo, limit],
    );
    return rows.map(({ id, orderId, status, amountMinor, currency }) => ({
      id,
      orderId,
      status,
      amount: amountMinor === null || currency === null ? null : { amountMinor: Number(amountMinor), currency },
    }));
  }
}

function recordOf(orderId: string, payment: RecordedPayment | null, ledger: readonly LedgerEntry[]): PaymentRecord {
  return {
    orderId,
    payment:
      payment === null
        ? null
        : { id: payment.id, status: payment.status, money: moneyIn[payment.status], amount: payment.amount },
    ledger: disagreements(payment, ledger),
  };
}
