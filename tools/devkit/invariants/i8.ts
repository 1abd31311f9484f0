import type { Invariant } from './world';

const ENDS = ['OrderConfirmed', 'OrderCanceled'];

export const i8: Invariant = {
  id: 'I8',
  statement: 'A terminal state never changes.',
  rationale: 'Customers and services act on the end of an order; a second end would undo what they did.',
  always: ({ orders, ends, nameOf }) =>
    orders.flatMap(({ id, status }) => {
      const before = ends.get(id);
      if (status !== 'Pending') {
        ends.set(id, status);
      }
      return before === undefined || before === status ? [] : [`order ${nameOf(id)} was ${before} and is ${status}`];
    }),
  atRest: ({ orders, steps, nameOf }) => {
    const endsOf = Map.groupBy(
      steps.filter(({ event }) => ENDS.includes(event)),
      ({ orderId }) => orderId,
    );
    return orders.flatMap(({ id, status }) => {
      const names = [...new Set((endsOf.get(id) ?? []).map(({ event }) => event))].toSorted().join();
      const expected = status === 'Pending' ? '' : `Order${status}`;
      return names === expected ? [] : [`order ${nameOf(id)} is ${status}, its timeline ends ${names}`];
    });
  },
};
