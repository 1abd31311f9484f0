import type {
  DiagnosisStep,
  OrderDiagnosis,
  PaymentFacts,
  ProviderAttempt,
  ReservationFacts,
} from '@rookery/contracts';

type Consumer = DiagnosisStep['consumers'][number];

/** The explanation of an order as lines for a terminal, what it waits for first. */
export function orderReport(diagnosis: OrderDiagnosis): readonly string[] {
  return [
    `Order ${diagnosis.id}: ${orderLine(diagnosis)}`,
    `waits for: ${diagnosis.waitsFor}`,
    '',
    ...diagnosis.timeline.flatMap(stepLines),
    '',
    ...paymentLines(diagnosis),
    reservationLine(diagnosis),
    ...diagnosis.deadLetters.items.map(
      ({ id, consumer, event, reason, attempts, at }) =>
        `Dead letter ${id}: ${consumer} gave up on ${event ?? 'a message'} at ${at} (${reason}, attempts: ${attempts})`,
    ),
    ...(diagnosis.deadLetters.complete ? [] : ['Dead letters: not all could be searched']),
    ...diagnosis.services
      .filter(({ answered }) => !answered)
      .map(({ service, problem }) => `${service} is not answering (${problem})`),
  ];
}

const isSilent = ({ services }: OrderDiagnosis, name: string): boolean =>
  services.some(({ service, answered }) => service === name && !answered);

function orderLine({ order }: OrderDiagnosis): string {
  if (order === null) {
    return 'unknown';
  }
  const { status, reason, createdAt, updatedAt, deadlineAt } = order;
  if (status === 'Pending') {
    return `Pending since ${createdAt}, deadline ${deadlineAt}`;
  }
  return `${status}${reason === null ? '' : ` (${reason})`} at ${updatedAt}, placed ${createdAt}`;
}

function stepLines(step: DiagnosisStep): readonly string[] {
  const { at, event, service, eventId, attempt, causationId, traceId } = step;
  return [
    `${at}  ${event.padEnd(16)} ${service.padEnd(9)} ${publicationOf(step)}`,
    ...step.consumers.map((consumer) => `${' '.repeat(26)}${consumer.service.padEnd(9)} ${stateOf(consumer)}`),
    `${' '.repeat(26)}event ${eventId ?? 'unknown'}, attempt ${attempt ?? '–'}, cause ${causationId ?? '–'}, trace ${traceId ?? '–'}`,
  ];
}

const publicationOf = ({ publication, publishedAt }: DiagnosisStep): string =>
  publication === 'in-outbox' ? 'waits in the outbox' : `published ${publishedAt ?? '(time no longer known)'}`;

function stateOf({ state, at }: Consumer): string {
  switch (state) {
    case 'taken':
      return `handled ${at ?? ''}`.trimEnd();
    case 'waiting':
      return at === null ? 'waits for it' : `has not handled it since ${at}`;
    case 'dead-letter':
      return `dead-lettered it ${at ?? ''}`.trimEnd();
    case 'unknown':
      return 'unknown';
    case 'pruned':
      return 'unknown (pruned)';
  }
}

const money: Readonly<Record<PaymentFacts['status'], string>> = {
  Expected: 'not started, payments does not know the order yet',
  Authorizing: 'waits for the provider’s answer',
  Abandoning: 'given up, payments makes sure that nothing is charged later',
  Withdrawn: 'none, the order was canceled before the provider was asked',
  Reserved: 'the money is reserved',
  Failed: 'the money could not be reserved',
  Captured: 'the money is captured',
  Released: 'the reserved money is released',
  Refunded: 'the money is refunded',
};

const wishes: Readonly<Record<PaymentFacts['purpose'], string>> = {
  hold: 'the order has not ended, as far as payments knows',
  take: 'the order wants it captured',
  return: 'the order wants it returned',
};

const tasks: Readonly<Record<ProviderAttempt['operation'], string>> = {
  authorize: 'reserve the money',
  capture: 'capture the money',
  void: 'release the money',
  refund: 'refund it',
};

function paymentLines(diagnosis: OrderDiagnosis): readonly string[] {
  const { payment } = diagnosis;
  if (payment === null) {
    return [`Payment: ${isSilent(diagnosis, 'payments') ? 'unknown' : 'none yet'}`];
  }
  const { status, purpose, operation, operationDueAt, attempts } = payment;
  const next =
    operation === null
      ? ''
      : `; the provider will be asked to ${tasks[operation]} at ${operationDueAt ?? 'an unknown time'}`;
  return [
    `Payment: ${money[status]} (${status}); ${wishes[purpose]}${next}`,
    ...attempts.map(
      (attempt) =>
        `${' '.repeat(26)}asked to ${tasks[attempt.operation]} at ${attempt.startedAt}, try ${attempt.tries}: ${outcomeOf(attempt)}`,
    ),
  ];
}

function outcomeOf({ finishedAt, outcome }: ProviderAttempt): string {
  if (finishedAt === null) {
    return 'no answer yet';
  }
  return outcome === null || outcome === 'unknown' ? `no answer by ${finishedAt}` : `${outcome} at ${finishedAt}`;
}

const units: Readonly<Record<ReservationFacts['status'], string>> = {
  Awaiting: 'nothing held yet',
  Reserved: 'held for the order',
  Rejected: 'rejected',
  Shipped: 'sold to the order',
  Released: 'released, available again',
  Withdrawn: 'nothing was held, the order ended first',
};

function reservationLine(diagnosis: OrderDiagnosis): string {
  const { reservation } = diagnosis;
  if (reservation === null) {
    return `Stock: ${isSilent(diagnosis, 'products') ? 'unknown' : 'no reservation yet'}`;
  }
  const { status, linesKnown, paid } = reservation;
  const missing = [...(linesKnown ? [] : ['what was ordered']), ...(paid ? [] : ['that it is paid'])];
  const waits =
    status === 'Awaiting' && missing.length > 0 ? `: products does not know yet ${missing.join(' and ')}` : '';
  return `Stock: ${units[status]} (${status})${waits}`;
}
