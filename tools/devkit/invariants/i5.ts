import type { Invariant, World } from './world';

export const i5: Invariant = {
  id: 'I5',
  statement: 'Each event takes effect once at each service that handles it: never twice, and never not at all.',
  rationale: 'The broker delivers at least once, so every consumer has to make that exactly one effect.',
  atRest: (world) => [...repeatedSteps(world), ...wrongEffects(world)],
};

function repeatedSteps({ steps, nameOf }: World): readonly string[] {
  return [...Map.groupBy(steps, ({ orderId, event }) => `order ${nameOf(orderId)} took ${event}`)]
    .filter(([, rows]) => rows.length > 1)
    .map(([what, rows]) => `${what} ${rows.length} times`);
}

/** One line for each consumer and number of effects: after a fault they are many of one kind. */
function wrongEffects({ events, effects }: World): readonly string[] {
  const pair = (consumer: string, eventId: string): string => `${consumer} ${eventId}`;
  const counts = Map.groupBy(effects, ({ consumer, eventId }) => pair(consumer, eventId));
  const wrong = events.flatMap(({ id, name, consumers }) =>
    consumers
      .map((consumer) => ({ consumer, event: `${name} ${id}`, times: counts.get(pair(consumer, id))?.length ?? 0 }))
      .filter(({ times }) => times !== 1),
  );
  return [...Map.groupBy(wrong, ({ consumer, times }) => `${times} effects at ${consumer}`)].map(
    ([what, some]) => `${some.length} events had ${what}, the first: ${some[0]?.event ?? ''}`,
  );
}
