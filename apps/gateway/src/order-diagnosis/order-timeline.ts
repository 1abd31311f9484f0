import {
  type DeadLetterView,
  type DiagnosisStep,
  type EventContract,
  eventContracts,
  type EventFacts,
  type OutboxEvent,
  SagaService,
  SagaServices,
  type TimelineEntry,
} from '@rookery/contracts';
import { hasEffect } from './event-effects';
import type { OrderFactsOfAll } from './order-facts';

type Consumer = DiagnosisStep['consumers'][number];

/** Everything that is known about one event. An order has each event at most once, so its name identifies it. */
interface Known {
  readonly name: string;
  readonly handledBy: EventContract['handledBy'];
  readonly producer: SagaService;
  /** The entry in its producer's outbox. */
  readonly recorded: OutboxEvent | undefined;
  /** The entry in the timeline of orders. */
  readonly noted: TimelineEntry | undefined;
}

/** The order's events from all services, oldest first, with their consumers' states. `letters` are those of this order. */
export function timelineOf(all: OrderFactsOfAll, letters: readonly DeadLetterView[]): DiagnosisStep[] {
  const steps = eventContracts.flatMap(({ name, producer, handledBy }) => {
    const known: Known = {
      name,
      handledBy,
      producer: SagaService.parse(producer),
      recorded: eventsOf(all, producer)?.outbox.find((event) => event.name === name),
      noted: all.orders.facts?.steps.find((step) => step.event === name),
    };
    return stepOf(known, all, letters);
  });
  return steps.toSorted((one, other) => one.at.localeCompare(other.at));
}

function stepOf(known: Known, all: OrderFactsOfAll, letters: readonly DeadLetterView[]): DiagnosisStep[] {
  const { name, producer, handledBy, recorded, noted } = known;
  const source = recorded ?? noted;
  if (source === undefined) {
    return [];
  }
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
      // Only published events are pruned from the outbox, and only published events reach the timeline.
      publication: recorded?.publishedAt === null ? 'in-outbox' : 'published',
      publishedAt: recorded?.publishedAt ?? null,
      consumers: consumersOf(handledBy).map((service) => ({ service, ...stateAt(service, known, all, letters) })),
    },
  ];
}

const consumersOf = (handledBy: EventContract['handledBy']): readonly SagaService[] =>
  SagaServices.filter((service) => handledBy.includes(service));

type ConsumerState = Pick<Consumer, 'state' | 'at'>;

function stateAt(
  service: SagaService,
  known: Known,
  all: OrderFactsOfAll,
  letters: readonly DeadLetterView[],
): ConsumerState {
  const taken = takenBy(service, known, all);
  if (taken !== undefined) {
    return taken;
  }
  const about = { event: known.name, eventId: known.recorded?.id ?? null };
  const letter = letters.find((candidate) => candidate.consumer === service && isAbout(candidate, about));
  return letter === undefined ? notTakenBy(service, known, all) : { state: 'dead-letter', at: letter.at };
}

/** Whether the service has handled the event: by its inbox, or by an effect that proves it. */
function takenBy(
  service: SagaService,
  { name, producer, recorded, noted }: Known,
  all: OrderFactsOfAll,
): ConsumerState | undefined {
  const inInbox = eventsOf(all, service)?.inbox.find(({ eventId }) => eventId === recorded?.id);
  if (inInbox?.takenAt) {
    return { state: 'taken', at: inInbox.takenAt };
  }
  const notedByOrders = service === 'orders' && producer !== 'orders' && noted !== undefined;
  const proven = notedByOrders || hasEffect(service, name, all) === true || hasReacted(service, recorded?.id, all);
  return proven ? { state: 'taken', at: null } : undefined;
}

function notTakenBy(service: SagaService, { name, producer, recorded }: Known, all: OrderFactsOfAll): ConsumerState {
  const waiting: ConsumerState = { state: 'waiting', at: recorded?.publishedAt ?? null };
  if (hasEffect(service, name, all) === false) {
    return waiting;
  }
  const events = eventsOf(all, service);
  if (events === undefined || eventsOf(all, producer) === undefined) {
    return { state: 'unknown', at: null };
  }
  if (recorded === undefined || recorded.at < events.notedSince) {
    return { state: 'pruned', at: null };
  }
  // The inbox was not asked about it: the event is too recent.
  const wasAsked = events.inbox.some(({ eventId }) => eventId === recorded.id);
  return wasAsked ? waiting : { state: 'unknown', at: null };
}

/** Whether a dead letter of the order is this event; of a pruned event only the name is known. */
export const isAbout = (
  letter: Pick<DeadLetterView, 'event' | 'eventId'>,
  { event, eventId }: Pick<DiagnosisStep, 'event' | 'eventId'>,
): boolean => (eventId === null ? letter.event === event : letter.eventId === eventId);

/** Whether this event caused an event of the service: proof that the service has handled it, even while it is unavailable. */
function hasReacted(service: SagaService, eventId: string | undefined, all: OrderFactsOfAll): boolean {
  if (eventId === undefined) {
    return false;
  }
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
