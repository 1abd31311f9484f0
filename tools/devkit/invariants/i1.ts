import type { Invariant, World } from './world';

/** Orders that wait longer than they may: their deadline has an owner, the sweeper. */
export const overdue = ({ orders, maxPendingMs, nameOf }: World): readonly string[] =>
  orders
    .filter(({ pendingMs = 0 }) => pendingMs >= maxPendingMs)
    .map(({ id, pendingMs = 0 }) => `order ${nameOf(id)} was Pending for ${Math.round(pendingMs / 1_000)} s`);

export const i1: Invariant = {
  id: 'I1',
  statement:
    'Every order ends, Confirmed or Canceled: within 60 s of the end of the last fault, and none is Pending for longer than its deadline and 20 s.',
  rationale: 'A customer who has paid must learn the result, whichever service is away.',
  atRest: (world) => [
    ...world.orders
      .filter(({ status }) => status === 'Pending')
      .map(({ id }) => `order ${world.nameOf(id)} is still Pending`),
    ...overdue(world),
  ],
};
