import type { OrderTrace, TraceStep } from '@rookery/contracts';

type Consumer = TraceStep['consumers'][number];

/** An order's trace as lines for a terminal, what it waits for first. */
export function orderReport(trace: OrderTrace): readonly string[] {
  return [
    `Order ${trace.id}: ${orderLine(trace)}`,
    `waits for: ${trace.waitsFor}`,
    '',
    ...trace.timeline.flatMap(stepLines),
    '',
    ...paymentLines(trace),
    reservationLine(trace),
    ...trace.deadLetters.items.map(
      ({ id, consumer, event, reason, attempts, at }) =>
        `Dead letter ${id}: ${consumer} set ${event ?? 'a message'} aside at ${at} (${reason}, attempts: ${attempts})`,
    ),
    ...(trace.deadLetters.complete ? [] : ['Dead letters: not all could be looked through']),
    ...trace.services
      .filter(({ answered }) => !answered)
      .map(({ service, problem }) => `${service} is not answering (${problem})`),
  ];
}

const isSilent = ({ services }: OrderTrace, name: string): boolean =>
  services.some(({ service, answered }) => service === name && !answered);

function orderLine({ order }: OrderTrace): string {
  if (order === null) return 'unknown';
  const { status, reason, createdAt, updatedAt, deadlineAt } = order;
  if (status === 'Pending') return `Pending since ${createdAt}, deadline ${deadlineAt}`;
  return `${status}${reason === null ? '' : ` (${reason})`} at ${updatedAt}, placed ${createdAt}`;
}

function stepLines(step: TraceStep): readonly string[] {
  const { at, event, service, eventId, attempt, causationId, traceId } = step;
  return [
    `${at}  ${event.padEnd(16)} ${service.padEnd(9)} ${publicationOf(step)}`,
    ...step.consumers.map((consumer) => `${' '.repeat(26)}${consumer.service.padEnd(9)} ${stateOf(consumer)}`),
    `${' '.repeat(26)}event ${eventId ?? 'unknown'}, attempt ${attempt ?? '–'}, cause ${causationId ?? '–'}, trace ${traceId ?? '–'}`,
  ];
}

const publicationOf = ({ publication, publishedAt }: TraceStep): string =>
  publication === 'in-outbox' ? 'waits in the outbox' : `published ${publishedAt ?? '(when is not known any more)'}`;

function stateOf({ state, at }: Consumer): string {
  switch (state) {
    case 'taken':
      return `taken ${at ?? ''}`.trimEnd();
    case 'waiting':
      return at === null ? 'waits for it' : `has not taken it since ${at}`;
    case 'dead-letter':
      return `set it aside ${at ?? ''}`.trimEnd();
    case 'unknown':
      return 'unknown';
    case 'pruned':
      return 'unknown (pruned)';
  }
}

function paymentLines(trace: OrderTrace): readonly string[] {
  const { payment } = trace;
  if (payment === null) return [`Payment: ${isSilent(trace, 'payments') ? 'unknown' : 'none yet'}`];
  const { status, purpose, operation, operationDueAt, attempts } = payment;
  const next = operation === null ? '' : `, ${operation} due ${operationDueAt ?? ''}`;
  return [
    `Payment: ${status}, to ${purpose}${next}`,
    ...attempts.map((attempt) => {
      const outcome = attempt.finishedAt === null ? 'no answer yet' : `${attempt.outcome} ${attempt.finishedAt}`;
      return `${' '.repeat(26)}${attempt.operation.padEnd(9)} try ${attempt.tries} at ${attempt.startedAt}: ${outcome}`;
    }),
  ];
}

function reservationLine(trace: OrderTrace): string {
  const { reservation } = trace;
  if (reservation === null) return `Stock: ${isSilent(trace, 'products') ? 'unknown' : 'no reservation yet'}`;
  const { status, linesKnown, paid } = reservation;
  return `Stock: ${status}, ${linesKnown ? 'what was ordered is known' : 'what was ordered is not known yet'}, ${paid ? 'paid' : 'not paid yet'}`;
}
