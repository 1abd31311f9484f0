import fc from 'fast-check';
import type { Difference, DifferenceKind, PaymentRecord, StockRecord } from '@rookery/contracts';
import { compareOrders, type RecordedOrder, type Records, stockDifferences } from './compare';

const SETTLING_MS = 120_000;
const now = new Date('2026-11-25T10:00:00.000Z');
const ago = (ms: number): Date => new Date(now.getTime() - ms);

const uuid = fc.uuid({ version: 7 });
const lines = fc.uniqueArray(fc.record({ productId: uuid, quantity: fc.integer({ min: 1, max: 10_000 }) }), {
  minLength: 1,
  maxLength: 4,
  selector: ({ productId }) => productId,
});
const total = fc.record({
  amountMinor: fc.integer({ min: 1, max: 1_000_000 }),
  currency: fc.constantFrom('EUR', 'USD', 'JPY'),
});
const settled = fc.integer({ min: SETTLING_MS, max: 90 * 86_400_000 }).map(ago);
const unsettled = fc.integer({ min: 0, max: SETTLING_MS - 1 }).map(ago);

/** An order and what the others say of it. */
interface World {
  readonly order: RecordedOrder;
  readonly payment: PaymentRecord | null;
  readonly reservation: StockRecord | null;
}

const ended = (status: 'Confirmed' | 'Canceled', changedAt = settled) =>
  fc.record({ id: uuid, status: fc.constant(status), total, lines, deadlineAt: settled, changedAt });

const paymentOf = (order: RecordedOrder, status: string, money: 'none' | 'uncertain' | 'held' | 'taken') => ({
  orderId: order.id,
  payment: { id: order.id, status, money, amount: order.total },
  ledger: [],
});

const confirmed = ended('Confirmed').map((order): World => ({
  order,
  payment: paymentOf(order, 'Captured', 'taken'),
  // The services need not keep lines in the same order.
  reservation: { orderId: order.id, status: 'Shipped', units: 'sold', lines: order.lines.toReversed() },
}));

const canceled = fc
  .tuple(
    ended('Canceled'),
    fc.constantFrom('Failed', 'Released', 'Refunded', 'Withdrawn', null),
    fc.constantFrom('Released', 'Rejected', 'Withdrawn', null),
  )
  .map(([order, payment, reservation]): World => ({
    order,
    payment: payment === null ? null : paymentOf(order, payment, 'none'),
    reservation:
      reservation === null ? null : { orderId: order.id, status: reservation, units: 'none', lines: [...order.lines] },
  }));

/** Whatever the others say: the order is on its way. */
const inFlight = fc
  .tuple(
    fc.oneof(
      ended('Confirmed', unsettled),
      ended('Canceled', unsettled),
      ended('Confirmed').chain((order) =>
        unsettled.map((deadlineAt): RecordedOrder => ({ ...order, status: 'Pending', deadlineAt })),
      ),
    ),
    fc.constantFrom('none' as const, 'uncertain' as const, 'held' as const, 'taken' as const),
    fc.constantFrom('none' as const, 'awaited' as const, 'held' as const, 'sold' as const),
  )
  .map(([order, money, units]): World => ({
    order,
    payment: paymentOf(order, 'Reserved', money),
    reservation: { orderId: order.id, status: 'Reserved', units, lines: [] },
  }));

const worlds = fc.uniqueArray(fc.oneof(confirmed, canceled, inFlight), { selector: ({ order }) => order.id });

const recordsOf = (all: readonly Partial<World>[]): Records => ({
  orders: all.flatMap(({ order }) => order ?? []),
  payments: all.flatMap(({ payment }) => payment ?? []),
  reservations: all.flatMap(({ reservation }) => reservation ?? []),
});
const compare = (all: readonly Partial<World>[]) => compareOrders(recordsOf(all), now, SETTLING_MS);
const found = ({ differences }: { readonly differences: readonly Difference[] }) =>
  differences.map(({ kind, orderId }) => ({ kind, orderId }));

/** How a consistent order can become one that is not. */
const corruptions: readonly {
  readonly kind: DifferenceKind;
  readonly of: fc.Arbitrary<World>;
  readonly change: (world: World) => Partial<World>;
}[] = [
  {
    kind: 'order-overdue',
    of: confirmed,
    change: ({ order, ...rest }) => ({ ...rest, order: { ...order, status: 'Pending' } }),
  },
  { kind: 'payment-missing', of: confirmed, change: (world) => ({ ...world, payment: null }) },
  {
    kind: 'payment-missing',
    of: confirmed,
    change: (world) => ({ ...world, payment: paymentOf(world.order, 'Reserved', 'held') }),
  },
  {
    kind: 'payment-amount',
    of: confirmed,
    change: (world) => ({
      ...world,
      order: {
        ...world.order,
        total: { ...world.order.total, amountMinor: world.order.total.amountMinor + 1 },
      },
    }),
  },
  {
    kind: 'payment-amount',
    of: confirmed,
    change: (world) => ({ ...world, order: { ...world.order, total: { ...world.order.total, currency: 'CHF' } } }),
  },
  ...(['uncertain', 'held', 'taken'] as const).map((money) => ({
    kind: 'payment-kept' as const,
    of: canceled,
    change: (world: World) => ({ ...world, payment: paymentOf(world.order, 'Kept', money) }),
  })),
  { kind: 'payment-without-order', of: confirmed, change: ({ payment }) => ({ payment }) },
  { kind: 'reservation-without-order', of: confirmed, change: ({ reservation }) => ({ reservation }) },
  { kind: 'reservation-missing', of: confirmed, change: (world) => ({ ...world, reservation: null }) },
  {
    kind: 'reservation-lines',
    of: confirmed,
    change: (world) => ({ ...world, order: { ...world.order, lines: [] } }),
  },
  ...(['awaited', 'held', 'sold'] as const).map((units) => ({
    kind: 'reservation-kept' as const,
    of: canceled,
    change: (world: World) => ({
      ...world,
      reservation: { orderId: world.order.id, status: 'Kept', units, lines: [] },
    }),
  })),
  ...(['double-charge', 'charge-amount', 'charge-state'] as const).map((kind) => ({
    kind,
    of: confirmed,
    change: (world: World) => ({
      ...world,
      payment: {
        ...paymentOf(world.order, 'Captured', 'taken'),
        ledger: [{ kind, payments: 'this', provider: 'that' }],
      },
    }),
  })),
  {
    kind: 'charge-without-payment',
    of: canceled,
    change: (world) => ({
      ...world,
      payment: {
        orderId: world.order.id,
        payment: null,
        ledger: [{ kind: 'charge-without-payment', payments: 'no payment', provider: 'captured' }],
      },
    }),
  },
];

describe('the comparison of orders', () => {
  it('finds no difference where every order has settled or is in flight', () => {
    fc.assert(
      fc.property(worlds, (all) => {
        const { orders, inFlight: left, differences } = compare(all);
        expect(differences).toEqual([]);
        expect(orders + left.length).toBe(all.length);
      }),
    );
  });

  it.each(corruptions)('finds $kind among orders that agree, and only that', ({ kind, of, change }) => {
    fc.assert(
      fc.property(of, worlds, (world, others) => {
        fc.pre(others.every(({ order }) => order.id !== world.order.id));
        expect(found(compare([...others, change(world)]))).toEqual([{ kind, orderId: world.order.id }]);
      }),
    );
  });

  it('reports the value of each side', () => {
    fc.assert(
      fc.property(confirmed, (world) => {
        const { id, total: money } = world.order;
        const payment = paymentOf(world.order, 'Reserved', 'held');
        expect(compare([{ ...world, payment }]).differences).toEqual([
          {
            kind: 'payment-missing',
            orderId: id,
            paymentId: id,
            productId: null,
            says: {
              orders: `Confirmed ${money.amountMinor} ${money.currency}`,
              payments: `Reserved ${money.amountMinor} ${money.currency}`,
            },
          },
        ]);
      }),
    );
  });
});

describe('the comparison of a product’s units', () => {
  const balanced = {
    productId: '019a5c2e-6f00-7000-8000-00000000000a',
    ...{ initial: 10, adjusted: 2, available: 5, reserved: 3, sold: 4 },
    ...{ adjustments: 2, held: 3, shipped: 4 },
  };

  it('finds no difference where they add up', () => {
    expect(stockDifferences(balanced)).toEqual([]);
  });

  it.each([
    ['stock-sum', { available: 6 }],
    ['stock-sum', { adjustments: 3 }],
    ['stock-reserved', { held: 2 }],
    ['stock-sold', { shipped: 5 }],
  ])('finds %s after %j', (kind, change) => {
    const { productId } = balanced;
    expect(stockDifferences({ ...balanced, ...change })).toMatchObject([{ kind, productId, orderId: null }]);
  });
});
