import type { DiagnosisStep, OrderDiagnosis, OrderFacts, PaymentFacts, SagaService } from '@rookery/contracts';
import { isAbout } from './order-timeline';

type Diagnosed = Omit<OrderDiagnosis, 'waitsFor'>;
type Letter = OrderDiagnosis['deadLetters']['items'][number];

/** What the order is blocked on, as the end of a sentence that starts with “waits for”: “nothing: Confirmed at …”. */
export function blockedOn(diagnosis: Diagnosed, now: Date): string {
  const silent = diagnosis.services.filter(({ answered }) => !answered).map(({ service }) => service);
  const reason =
    blockedEvent(diagnosis, now) ??
    blockedProvider(diagnosis.payment, now) ??
    hiddenEvent(diagnosis, silent, now) ??
    newestEvent(diagnosis, silent) ??
    (diagnosis.order === null ? 'whether the order has ended is unknown' : end(diagnosis.order, now));
  const unnamed = silent.filter((service) => !reason.startsWith(`${service} is not answering`));
  if (unnamed.length === 0) {
    return reason;
  }
  return `${reason}; ${unnamed.join(' and ')} ${unnamed.length === 1 ? 'is' : 'are'} not answering`;
}

/** The oldest event that has not reached all its consumers; one that is still in its outbox has reached none. */
function blockedEvent({ timeline, deadLetters }: Diagnosed, now: Date): string | undefined {
  const reasons = timeline.flatMap((step) => {
    const open = step.consumers.filter(({ state }) => state !== 'taken');
    if (step.publication === 'in-outbox' && open.length > 0) {
      return `${step.event} waits in the outbox of ${step.service} for ${ago(step.at, now)}: the broker has not taken it`;
    }
    const aside = open.find(({ state }) => state === 'dead-letter');
    const letter = aside && letterOf(deadLetters.items, step, aside.service);
    if (letter) {
      return setAside(letter, step.event, now);
    }
    const waiting = open.find(({ state }) => state === 'waiting');
    if (waiting === undefined) {
      return [];
    }
    const published = step.publishedAt === null ? '' : `, published ${ago(step.publishedAt, now)} ago`;
    return `${waiting.service} has not taken ${step.event}${published}`;
  });
  return reasons[0] ?? strayLetter(timeline, deadLetters.items, now);
}

const letterOf = (letters: readonly Letter[], step: DiagnosisStep, consumer: SagaService) =>
  letters.find((letter) => letter.consumer === consumer && isAbout(letter, step));

/** A dead letter about the order that belongs to none of its known events. */
function strayLetter(timeline: readonly DiagnosisStep[], letters: readonly Letter[], now: Date): string | undefined {
  const stray = letters.find((letter) => !timeline.some((step) => isAbout(letter, step)));
  return stray && setAside(stray, stray.event ?? 'a message', now);
}

function setAside({ id, consumer, reason, attempts, at }: Letter, event: string, now: Date): string {
  // A message that could not be parsed cannot be replayed unchanged.
  const [how, verb] = attempts === 0 ? [reason, 'show'] : [`${reason}, attempts: ${attempts}`, 'replay'];
  return `${consumer} set ${event} aside as a dead letter (${how}) ${ago(at, now)} ago: operator dead-letters ${verb} ${id}`;
}

function blockedProvider(payment: PaymentFacts | null, now: Date): string | undefined {
  if (payment === null || payment.operation === null || payment.operationDueAt === null) {
    return undefined;
  }
  const { operation, operationDueAt, attempts } = payment;
  const last = attempts.findLast((attempt) => attempt.operation === operation);
  if (last === undefined) {
    return `payments is to ask the provider to ${operation}: that ${due(operationDueAt, now)}`;
  }
  const next = `the next try ${due(operationDueAt, now)}`;
  if (last.finishedAt === null) {
    return `the payment provider, asked to ${operation} ${ago(last.startedAt, now)} ago (try ${last.tries}), has not answered yet: ${next}`;
  }
  return `the payment provider gave no answer to ${operation} (tries so far: ${last.tries}): ${next}`;
}

/** The latest event that an unavailable service may not have handled; earlier ones say less. */
function hiddenEvent({ timeline }: Diagnosed, silent: readonly SagaService[], now: Date): string | undefined {
  for (const service of silent) {
    const step = timeline.findLast(({ consumers }) =>
      consumers.some((consumer) => consumer.service === service && consumer.state === 'unknown'),
    );
    if (step === undefined) {
      continue;
    }
    const published = step.publishedAt === null ? '' : ` (published ${ago(step.publishedAt, now)} ago)`;
    return `${service} is not answering: whether it has taken ${step.event}${published} is unknown`;
  }
  return undefined;
}

/** An event that was recorded during the diagnosis, so that no consumer could be asked about it. */
function newestEvent({ timeline }: Diagnosed, silent: readonly SagaService[]): string | undefined {
  for (const { event, consumers } of timeline) {
    const open = consumers.find(({ service, state }) => state === 'unknown' && !silent.includes(service));
    if (open) {
      return `${open.service} to take ${event}, which has only just happened`;
    }
  }
  return undefined;
}

/** The state of the order when no event is known to be on its way. */
function end(order: OrderFacts, now: Date): string {
  if (order.status === 'Pending') {
    const left = Date.parse(order.deadlineAt) - now.getTime();
    return left > 0
      ? `the deadline: the sweeper cancels it in ${duration(left)}`
      : `the sweeper of orders, which should have canceled it ${duration(-left)} ago`;
  }
  return `nothing: ${order.status}${order.reason === null ? '' : ` (${order.reason})`} at ${order.updatedAt}`;
}

function due(at: string, now: Date): string {
  const left = Date.parse(at) - now.getTime();
  return left > 0 ? `is due in ${duration(left)}` : `was due ${duration(-left)} ago`;
}

/** The clocks of two machines differ: a past event must never appear to be in the future. */
const ago = (at: string, now: Date): string => duration(Math.max(0, now.getTime() - Date.parse(at)));

/** `40 s`, `00:01:12`. */
function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) {
    return `${seconds} s`;
  }
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}
