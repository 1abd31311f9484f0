import {
  eventContracts,
  eventHandlers,
  SagaService,
  SagaServices,
  type DeadLetterView,
  type EventFacts,
  type OutboxEvent,
  type TimelineEntry,
  type TraceStep,
} from '@rookery/contracts';
import { hasEffect } from './event-effects';
import type { OrderFactsOfAll } from './order-facts';

type Consumer = TraceStep['consumers'][number];

/** Everything that is known of one event. An order has each event once at most, so its name tells it from the others. */
interface Known {
  readonly name: string;
  readonly producer: SagaService;
  /** As its producer has it. */
  readonly recorded: OutboxEvent | undefined;
  /** As orders noted it. */
  readonly noted: TimelineEntry | undefined;
}

/** The order's events from all services, oldest first, and what became of each. The letters are those of this order. */
export function timelineOf(all: OrderFactsOfAll, letters: readonly DeadLetterView[]): TraceStep[] {
  const steps = eventContracts.flatMap(({ name, producer }) => {
    const known: Known = {
      name,
      producer: SagaService.parse(producer),
      recorded: eventsOf(all, producer)?.outbox.find((event) => event.name === name),
      noted: all.orders.facts?.steps.find((step) => step.event === name),
    };
    return stepOf(known, all, letters);
  });
  return steps.toSorted((one, other) => one.at.localeCompare(other.at));
}

function stepOf(known: Known, all: OrderFactsOfAll, letters: readonly DeadLetterView[]): TraceStep[] {
  const { name, producer, recorded, noted } = known;
  const source = recorded ?? noted;
  if (source === undefined) return [];
  const eventId = recorded?.id ?? null;
  return [
    {
      event: name,
      service: producer,
      eventId,
      at: source.at,
      attempt: noted?.attempt ?? null,
      causationId: source.causationId,
      traceId: source.traceId,
      // Only what was published is pruned, and only what was published can have been noted.
      publication: recorded?.publishedAt === null ? 'in-outbox' : 'published',
      publishedAt: recorded?.publishedAt ?? null,
      consumers: consumersOf(name).map((service) => ({ service, ...stateAt(service, known, all, letters) })),
    },
  ];
}

const consumersOf = (name: string): readonly SagaService[] =>
  SagaServices.filter((service) => eventHandlers[name]?.includes(service));

function stateAt(
  service: SagaService,
  { name, producer, recorded, noted }: Known,
  all: OrderFactsOfAll,
  letters: readonly DeadLetterView[],
): Pick<Consumer, 'state' | 'at'> {
  const events = eventsOf(all, service);
  const inInbox = events?.inbox.find(({ eventId }) => eventId === recorded?.id);
  if (inInbox?.takenAt) return { state: 'taken', at: inInbox.takenAt };
  const notedByOrders = service === 'orders' && producer !== 'orders' && noted !== undefined;
  const effect = hasEffect(service, name, all);
  if (notedByOrders || effect === true || hasReacted(service, recorded?.id, all)) return { state: 'taken', at: null };
  const about = { event: name, eventId: recorded?.id ?? null };
  const letter = letters.find((candidate) => candidate.consumer === service && isAbout(candidate, about));
  if (letter !== undefined) return { state: 'dead-letter', at: letter.at };
  if (effect === false) return { state: 'waiting', at: recorded?.publishedAt ?? null };
  if (events === undefined || eventsOf(all, producer) === undefined) return { state: 'unknown', at: null };
  if (recorded === undefined || recorded.at < events.notedSince) return { state: 'pruned', at: null };
  // Not asked about: it has only just happened.
  if (inInbox === undefined) return { state: 'unknown', at: null };
  return { state: 'waiting', at: recorded.publishedAt };
}

/** Whether a dead letter of the order is that event; of an event that was pruned only the name is known. */
export const isAbout = (
  letter: Pick<DeadLetterView, 'event' | 'eventId'>,
  { event, eventId }: Pick<TraceStep, 'event' | 'eventId'>,
): boolean => (eventId === null ? letter.event === event : letter.eventId === eventId);

/** Whether an event of the service was caused by this one: proof that it took it, also while it does not answer. */
function hasReacted(service: SagaService, eventId: string | undefined, all: OrderFactsOfAll): boolean {
  if (eventId === undefined) return false;
  const reactions = eventsOf(all, service)?.outbox ?? [];
  const notedOnes = all.orders.facts?.steps.filter((step) => step.service === service) ?? [];
  return [...reactions, ...notedOnes].some(({ causationId }) => causationId === eventId);
}

function eventsOf(all: OrderFactsOfAll, service: string): EventFacts | undefined {
  switch (service) {
    case 'orders':
      return all.orders.facts?.events;
    case 'payments':
      return all.payments.facts?.events;
    case 'products':
      return all.products.facts?.events;
    default:
      return undefined;
  }
}
