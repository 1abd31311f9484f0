import type {
  Difference,
  DifferenceKind,
  Money,
  OrderStatus,
  PaymentRecord,
  StockRecord,
  UnbalancedStock,
} from '@rookery/contracts';

/** An order as stored. */
export interface RecordedOrder {
  readonly id: string;
  readonly status: OrderStatus;
  readonly total: Money;
  readonly lines: readonly OrderedLine[];
  readonly deadlineAt: Date;
  /** When it changed last: for an order that has ended, when it ended. */
  readonly changedAt: Date;
}

interface OrderedLine {
  readonly productId: string;
  readonly quantity: number;
}

/** The services' records of one range of orders. */
export interface Records {
  readonly orders: readonly RecordedOrder[];
  readonly payments: readonly PaymentRecord[];
  readonly reservations: readonly StockRecord[];
}

/** The three sides of one order; null where a service has no record of it. */
interface Sides {
  readonly orderId: string;
  readonly order: RecordedOrder | null;
  readonly payment: PaymentRecord | null;
  readonly reservation: StockRecord | null;
}

export interface Comparison {
  /** How many orders were compared. */
  readonly orders: number;
  /** Orders that are not compared yet: their events may still be in transit. */
  readonly inFlight: readonly string[];
  readonly differences: readonly Difference[];
}

/** Compares the services' records of each order. An order that ended, or should have ended, less than the settling time ago is in flight. */
export function compareOrders(records: Records, now: Date, settlingMs: number): Comparison {
  const order = new Map(records.orders.map((recorded) => [recorded.id, recorded]));
  const payment = new Map(records.payments.map((record) => [record.orderId, record]));
  const reservation = new Map(records.reservations.map((record) => [record.orderId, record]));
  const inFlight: string[] = [];
  const differences: Difference[] = [];
  for (const orderId of new Set([...order.keys(), ...payment.keys(), ...reservation.keys()])) {
    const sides: Sides = {
      orderId,
      order: order.get(orderId) ?? null,
      payment: payment.get(orderId) ?? null,
      reservation: reservation.get(orderId) ?? null,
    };
    if (sides.order && isInFlight(sides.order, now, settlingMs)) {
      inFlight.push(orderId);
    } else {
      differences.push(...differencesOf(sides));
    }
  }
  return { orders: records.orders.length - inFlight.length, inFlight, differences };
}

/** The differences of a product whose units do not add up. */
export function stockDifferences(stock: UnbalancedStock): Difference[] {
  const { initial, adjusted, available, reserved, sold, adjustments, held, shipped } = stock;
  const found: Difference[] = [];
  const say = (kind: DifferenceKind, says: Difference['says']): void =>
    void found.push({ kind, orderId: null, paymentId: null, productId: stock.productId, says });
  if (initial + adjusted !== available + reserved + sold || adjusted !== adjustments) {
    say('stock-sum', {
      stock: `${initial} initial + ${adjusted} adjusted, ${available} available + ${reserved} reserved + ${sold} sold`,
      adjustments: String(adjustments),
    });
  }
  if (reserved !== held) {
    say('stock-reserved', { stock: `${reserved} reserved`, reservations: `${held} held` });
  }
  if (sold !== shipped) {
    say('stock-sold', { stock: `${sold} sold`, reservations: `${shipped} sold` });
  }
  return found;
}

function isInFlight({ status, deadlineAt, changedAt }: RecordedOrder, now: Date, settlingMs: number): boolean {
  const since = status === 'Pending' ? deadlineAt : changedAt;
  return now.getTime() - since.getTime() < settlingMs;
}

function differencesOf(sides: Sides): Difference[] {
  const ledger = sides.payment?.ledger ?? [];
  return [
    ...againstOrder(sides),
    ...ledger.map(({ kind, payments, provider }) => difference(sides, kind, { payments, provider })),
  ];
}

function againstOrder(sides: Sides): Difference[] {
  switch (sides.order?.status) {
    case undefined:
      return withoutOrder(sides);
    case 'Pending':
      return [difference(sides, 'order-overdue')];
    case 'Canceled':
      return keptByCanceled(sides);
    case 'Confirmed':
      return [...paymentOfConfirmed(sides), ...reservationOfConfirmed(sides)];
  }
}

function withoutOrder(sides: Sides): Difference[] {
  return [
    ...(sides.payment?.payment ? [difference(sides, 'payment-without-order')] : []),
    ...(sides.reservation ? [difference(sides, 'reservation-without-order')] : []),
  ];
}

function keptByCanceled(sides: Sides): Difference[] {
  const { payment, reservation } = sides;
  return [
    ...((payment?.payment?.money ?? 'none') === 'none' ? [] : [difference(sides, 'payment-kept')]),
    ...((reservation?.units ?? 'none') === 'none' ? [] : [difference(sides, 'reservation-kept')]),
  ];
}

function paymentOfConfirmed(sides: Sides): Difference[] {
  const payment = sides.payment?.payment;
  if (payment?.money !== 'taken') {
    return [difference(sides, 'payment-missing')];
  }
  return moneyText(payment.amount) === moneyText(sides.order?.total ?? null)
    ? []
    : [difference(sides, 'payment-amount')];
}

function reservationOfConfirmed(sides: Sides): Difference[] {
  const { order, reservation } = sides;
  if (reservation?.units !== 'sold') {
    return [difference(sides, 'reservation-missing')];
  }
  return linesText(reservation.lines) === linesText(order?.lines ?? []) ? [] : [difference(sides, 'reservation-lines')];
}

function difference(sides: Sides, kind: DifferenceKind, says = saidOf(kind, sides)): Difference {
  return { kind, orderId: sides.orderId, paymentId: sides.payment?.payment?.id ?? null, productId: null, says };
}

function saidOf(kind: DifferenceKind, { order, payment, reservation }: Sides): Difference['says'] {
  const aboutUnits = kind.startsWith('reservation');
  const orders =
    order === null ? 'no order' : `${order.status} ${aboutUnits ? linesText(order.lines) : moneyText(order.total)}`;
  if (kind === 'order-overdue') {
    return { orders: `Pending, due ${order?.deadlineAt.toISOString() ?? ''}` };
  }
  if (aboutUnits) {
    return {
      orders,
      products: reservation ? `${reservation.status} ${linesText(reservation.lines)}` : 'no reservation',
    };
  }
  const known = payment?.payment;
  return { orders, payments: known ? `${known.status} ${moneyText(known.amount)}` : 'no payment' };
}

const moneyText = (money: { readonly amountMinor: number; readonly currency: string } | null): string =>
  money === null ? 'without amount' : `${money.amountMinor} ${money.currency}`;

/** Sorted lines, so that equal orders have equal texts. */
const linesText = (lines: readonly OrderedLine[]): string =>
  lines
    .map(({ productId, quantity }) => `${quantity} × ${productId}`)
    .toSorted()
    .join(', ');
