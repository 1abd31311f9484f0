import { moneyOf, type OrderMoney } from './money';
import { type Invariant, quoted } from './world';

export const i3: Invariant = {
  id: 'I3',
  statement:
    "Money taken minus money given back is the total of the Confirmed orders, for each order and in sum. No authorization is open on an order that has ended. The provider's ledger agrees.",
  rationale: 'A customer pays once, and only for an order that is confirmed.',
  atRest: (world) =>
    moneyOf(world).flatMap((money) => broken(money).map((what) => `${quoted(money.order, world)}: ${what}`)),
};

function broken({ order, payment, charges, keptMinor, openAuthorizations }: OrderMoney): readonly string[] {
  const twice = charges > 1 ? [`it was charged ${charges} times`] : [];
  // I9 covers the canceled ones.
  if (order.status === 'Canceled') {
    return twice;
  }
  const owed = order.status === 'Confirmed' ? order.totalMinor : 0;
  const isCaptured = payment?.status === 'Captured';
  return [
    ...twice,
    ...(keptMinor === owed ? [] : [`the provider took ${keptMinor}, the order owes ${owed}`]),
    ...(openAuthorizations === 0 ? [] : [`${openAuthorizations} authorizations are open at the provider`]),
    ...(isCaptured === (order.status === 'Confirmed') ? [] : [`its payment is ${payment?.status ?? 'missing'}`]),
    ...(isCaptured && payment.amountMinor !== order.totalMinor
      ? [`its payment is ${payment.amountMinor} of ${order.totalMinor}`]
      : []),
  ];
}
