import type { Invariant } from './world';

export const i7: Invariant = {
  id: 'I7',
  statement: 'Each service applies the events of one aggregate in their order, without gaps.',
  rationale: 'A service that applies an end before its beginning decides on a state that never was.',
  atRest: ({ effects, hasCompleteInboxes, nameOf }) => {
    const isInOrder = (sequences: readonly number[]): boolean =>
      sequences.every((sequence, index) =>
        hasCompleteInboxes ? sequence === index + 1 : sequence > (sequences[index - 1] ?? 0),
      );
    return [...Map.groupBy(effects, ({ consumer, aggregateId }) => `${consumer} ${aggregateId}`).values()]
      .map((rows) => ({ rows, sequences: rows.map(({ sequence }) => sequence) }))
      .filter(({ sequences }) => !isInOrder(sequences))
      .map(
        ({ rows: [{ consumer, aggregateId } = { consumer: '', aggregateId: '' }], sequences }) =>
          `${consumer} applied the events of ${nameOf(aggregateId)} in the order ${sequences.join()}`,
      );
  },
};
