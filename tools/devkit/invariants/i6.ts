import type { EventFacts, Invariant, World } from './world';

export const i6: Invariant = {
  id: 'I6',
  statement:
    'The outbox is empty after the load. Every event in it is in the stream at least once. Every event that an order recorded is in it.',
  rationale: 'A change that is not told to the other services leaves the saga half done.',
  atRest: (world) => [
    ...byProducer(world.events, ({ isPublished }) => !isPublished).map((what) => `${what} were never published`),
    ...byProducer(world.events, ({ isPublished, isStored }) => isPublished && !isStored).map(
      (what) => `${what} are not in the stream`,
    ),
    ...unrecorded(world),
  ],
};

const byProducer = (events: readonly EventFacts[], isMeant: (event: EventFacts) => boolean): readonly string[] =>
  [...Map.groupBy(events.filter(isMeant), ({ producer }) => producer)].map(
    ([producer, some]) => `${producer}: ${some.length} events, the first ${some[0]?.name ?? ''},`,
  );

function unrecorded({ orders, events, nameOf }: World): readonly string[] {
  const told = Map.groupBy(
    events.filter(({ producer }) => producer === 'orders'),
    ({ aggregateId }) => aggregateId,
  );
  return orders
    .map(({ id, eventSequence }) => ({ id, eventSequence, count: told.get(id)?.length ?? 0 }))
    .filter(({ eventSequence, count }) => eventSequence !== count)
    .map(
      ({ id, eventSequence, count }) => `order ${nameOf(id)} recorded ${eventSequence} events, its outbox has ${count}`,
    );
}
