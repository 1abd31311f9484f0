import { moneyOf } from './money';
import { type Invariant, quoted } from './world';

/** Payments that hold no money. */
const CLOSED = ['Failed', 'Released', 'Refunded', 'Withdrawn'];

export const i9: Invariant = {
  id: 'I9',
  statement:
    'What succeeds after the order was canceled is compensated: funds are released or refunded, stock is given back.',
  rationale: 'A late success of one service must not outlive the decision of the saga.',
  atRest: (world) => {
    const reserved = new Set(
      (world.reservations ?? []).filter(({ status }) => status === 'Reserved').map(({ orderId }) => orderId),
    );
    return moneyOf(world)
      .filter(({ order }) => order.status === 'Canceled')
      .flatMap(({ order, payment, keptMinor, openAuthorizations }) =>
        [
          ...(keptMinor === 0 ? [] : [`the provider keeps ${keptMinor}`]),
          ...(openAuthorizations === 0 ? [] : [`${openAuthorizations} authorizations are open at the provider`]),
          ...(payment === undefined || CLOSED.includes(payment.status) ? [] : [`its payment is ${payment.status}`]),
          ...(reserved.has(order.id) ? ['stock is still reserved for it'] : []),
        ].map((what) => `${quoted(order, world)}: ${what}`),
      );
  },
};
