import { type Invariant, quoted, type StockFacts, sum, type World } from './world';

export const i4: Invariant = {
  id: 'I4',
  statement:
    'Stock is never negative. Initial stock and adjustments are what is available, reserved and sold. Nothing is reserved once all orders have ended, and what is sold is what Confirmed orders contain.',
  rationale: 'A unit must not be sold twice, and none may disappear.',
  always: ({ stock, nameOf }) =>
    stock.filter(isWrong).map((row) => `product ${nameOf(row.productId)}: ${countsOf(row)}`),
  atRest: (world) => [
    ...(i4.always?.(world) ?? []),
    ...world.stock.flatMap((row) =>
      unsettled(row, world).map((what) => `product ${world.nameOf(row.productId)}: ${what}`),
    ),
    ...reservations(world),
  ],
};

const isWrong = ({ supplied, available, reserved, sold }: StockFacts): boolean =>
  Math.min(available, reserved, sold) < 0 || available + reserved + sold !== supplied;

const countsOf = ({ supplied, available, reserved, sold }: StockFacts): string =>
  `${available} available, ${reserved} reserved and ${sold} sold of ${supplied}`;

function unsettled({ productId, reserved, sold }: StockFacts, { orders }: World): readonly string[] {
  const lines = orders.filter(({ status }) => status === 'Confirmed').flatMap((order) => order.lines);
  const ordered = sum(lines.filter((line) => line.productId === productId).map(({ quantity }) => quantity));
  return [
    ...(reserved === 0 ? [] : [`${reserved} still reserved`]),
    ...(sold === ordered ? [] : [`${sold} sold, Confirmed orders have ${ordered}`]),
  ];
}

function reservations(world: World): readonly string[] {
  if (world.reservations === undefined) {
    return [];
  }
  const statusOf = new Map(world.reservations.map(({ orderId, status }) => [orderId, status]));
  return world.orders
    .filter(({ id, status }) => (statusOf.get(id) === 'Shipped') !== (status === 'Confirmed'))
    .map((order) => `${quoted(order, world)}: its reservation is ${statusOf.get(order.id) ?? 'missing'}`);
}
