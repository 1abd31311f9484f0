import type { DeadLetterView, OrderDiagnosis, SagaService, ServiceAnswer } from '@rookery/contracts';
import { eventIdsIn, type Answer, type Letters, type OrderFactsOfAll } from './order-facts';
import { timelineOf } from './order-timeline';
import { waitsFor } from './waits-for';

/** Puts together what the services know of one order. */
export function traceOf(id: string, all: OrderFactsOfAll, letters: Letters, now: Date): OrderDiagnosis {
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
    deadLetters: { items: own.map(shown), complete: letters.complete },
  };
  return { ...known, waitsFor: waitsFor(known, now) };
}

/** Those of the order's events, or of its aggregates: a message may be so broken that it is no event of ours. */
const lettersAbout = (ids: ReadonlySet<string | undefined>, letters: readonly DeadLetterView[]): DeadLetterView[] =>
  letters.filter(({ aggregateId, eventId }) => ids.has(aggregateId ?? undefined) || ids.has(eventId ?? undefined));

const answerOf = (service: SagaService, { facts, problem }: Answer<object>): ServiceAnswer => ({
  service,
  answered: facts !== null,
  problem,
});

const shown = ({ id, consumer, event, eventId, reason, attempts, at }: DeadLetterView) => ({
  id,
  consumer,
  event,
  eventId,
  reason,
  attempts,
  at,
});
