import { type OrderFacts, sum, type World } from './world';

/** What payments and its provider hold for one order. */
export interface OrderMoney {
  readonly order: OrderFacts;
  readonly payment: World['payments'][number] | undefined;
  /** Rows of the provider's ledger, whatever became of them. */
  readonly charges: number;
  /** Captured and not refunded. */
  readonly keptMinor: number;
  readonly openAuthorizations: number;
}

export function moneyOf({ orders, payments, charges }: World): readonly OrderMoney[] {
  const paymentOf = new Map(payments.map((payment) => [payment.orderId, payment]));
  const chargesOf = Map.groupBy(charges, ({ orderId }) => orderId);
  return orders.map((order) => {
    const ledger = chargesOf.get(order.id) ?? [];
    return {
      order,
      payment: paymentOf.get(order.id),
      charges: ledger.length,
      keptMinor: sum(ledger.filter(({ state }) => state === 'captured').map(({ amountMinor }) => amountMinor)),
      openAuthorizations: ledger.filter(({ state }) => state === 'authorized').length,
    };
  });
}
