import type { DeadLetterView, OrderDiagnosis, SagaService, ServiceAnswer } from '@rookery/contracts';
import { blockedOn } from './blocked-on';
import { type Answer, eventIdsIn, type Letters, type OrderFactsOfAll } from './order-facts';
import { timelineOf } from './order-timeline';

/** Joins what the services know about one order. */
export function diagnose(id: string, all: OrderFactsOfAll, letters: Letters, now: Date): OrderDiagnosis {
  const { orders, payments, products } = all;
  const payment = payments.facts?.payment ?? null;
  const own = lettersAbout(new Set([id, payment?.id, ...eventIdsIn(all)]), letters.items);
  const timeline = timelineOf(all, own);
  const known = {
    id,
    order: orders.facts?.order ?? null,
    payment,
    reservation: products.facts?.reservation ?? null,
    services: [answerOf('orders', orders), answerOf('payments', payments), answerOf('products', products)],
    timeline,
    deadLetters: { items: own.map(summaryOf), complete: letters.complete },
  };
  return { ...known, waitsFor: blockedOn(known, now) };
}

/** Dead letters of the order's events or aggregates; a message may be so broken that it has no event id. */
const lettersAbout = (ids: ReadonlySet<string | undefined>, letters: readonly DeadLetterView[]): DeadLetterView[] =>
  letters.filter(({ aggregateId, eventId }) => ids.has(aggregateId ?? undefined) || ids.has(eventId ?? undefined));

const answerOf = (service: SagaService, { facts, problem }: Answer<object>): ServiceAnswer => ({
  service,
  answered: facts !== null,
  problem,
});

const summaryOf = ({ id, consumer, event, eventId, reason, attempts, at }: DeadLetterView) => ({
  id,
  consumer,
  event,
  eventId,
  reason,
  attempts,
  at,
});
