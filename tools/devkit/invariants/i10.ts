import type { Invariant } from './world';

export const i10: Invariant = {
  id: 'I10',
  statement: 'A request that is sent again with its idempotency key gets the same bytes, and one key makes one order.',
  rationale: 'A customer who loses an answer must be able to ask again without buying twice.',
  atRest: ({ history, orders }) => {
    if (history === undefined) {
      return [];
    }
    const known = new Set(history.orderIdByKey.values());
    const differing = history.placements.filter(({ answers }) => {
      const texts = answers.filter(({ status }) => status === 201).map(({ text }) => text);
      return new Set(texts).size > 1;
    });
    return [
      ...differing.map(({ key }) => `replays of key ${key} differ`),
      ...orders
        .filter(({ id }) => !known.has(id))
        .map(({ id }) => `order ${id} belongs to no key: one key made two orders`),
    ];
  },
};
