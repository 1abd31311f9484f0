import type { DiagnosisStep, OrderDiagnosis, PaymentFacts, ProviderAttempt } from '@rookery/contracts';
import { blockedOn } from './blocked-on';

type Diagnosed = Omit<OrderDiagnosis, 'waitsFor'>;
type Consumer = DiagnosisStep['consumers'][number];

const now = new Date('2026-11-25T10:02:00.000Z');
const before = (seconds: number): string => new Date(now.getTime() - seconds * 1_000).toISOString();
const in_ = (seconds: number): string => before(-seconds);

const consumer = (service: Consumer['service'], state: Consumer['state'], at = before(70)): Consumer => ({
  service,
  state,
  at: state === 'unknown' || state === 'pruned' ? null : at,
});

const step = (event: string, consumers: readonly Consumer[], changes: Partial<DiagnosisStep> = {}): DiagnosisStep => ({
  event,
  service: 'orders',
  eventId: `id of ${event}`,
  at: before(73),
  attempt: 1,
  causationId: null,
  traceId: null,
  publication: 'published',
  publishedAt: before(72),
  consumers: [...consumers],
  ...changes,
});

const letter = (event: string | null, changes: Partial<OrderDiagnosis['deadLetters']['items'][number]> = {}) => ({
  id: 'products-3',
  consumer: 'products' as const,
  event,
  eventId: `id of ${event}`,
  reason: 'attempts-exhausted',
  attempts: 14,
  at: before(20),
  ...changes,
});

const attempt = (changes: Partial<ProviderAttempt> = {}): ProviderAttempt => ({
  operation: 'authorize',
  tries: 1,
  startedAt: before(8),
  finishedAt: before(3),
  outcome: 'unknown',
  ...changes,
});

const payment = (changes: Partial<PaymentFacts> = {}): PaymentFacts => ({
  id: 'payment',
  status: 'Reserved',
  purpose: 'hold',
  amount: null,
  operation: null,
  operationDueAt: null,
  createdAt: before(70),
  updatedAt: before(70),
  attempts: [],
  ...changes,
});

/** An order that is Pending for another 12 s, without further facts. */
const diagnosis = (changes: Partial<Diagnosed> = {}): Diagnosed => ({
  id: 'order',
  order: {
    status: 'Pending',
    reason: null,
    createdAt: before(73),
    updatedAt: before(50),
    deadlineAt: in_(12),
    paymentReservedAt: null,
    stockReservedAt: null,
  },
  payment: null,
  reservation: null,
  services: (['orders', 'payments', 'products'] as const).map((service) => ({
    service,
    answered: true,
    problem: null,
  })),
  timeline: [],
  deadLetters: { items: [], complete: true },
  ...changes,
});

const without = (...silent: readonly string[]): Pick<Diagnosed, 'services'> => ({
  services: diagnosis().services.map(({ service }) =>
    silent.includes(service)
      ? { service, answered: false, problem: 'unavailable' }
      : { service, answered: true, problem: null },
  ),
});

const ended = (status: 'Confirmed' | 'Canceled') => ({
  order: {
    status,
    reason: status === 'Canceled' ? ('out-of-stock' as const) : null,
    createdAt: before(73),
    updatedAt: before(50),
    deadlineAt: before(13),
    paymentReservedAt: before(60),
    stockReservedAt: null,
  },
  payment: payment(
    status === 'Confirmed' ? { status: 'Captured', purpose: 'take' } : { status: 'Released', purpose: 'return' },
  ),
  reservation: {
    status: status === 'Confirmed' ? ('Shipped' as const) : ('Rejected' as const),
    linesKnown: true,
    paid: true,
    createdAt: before(70),
    updatedAt: before(50),
  },
});

const created = (...consumers: readonly Consumer[]) => step('OrderCreated', consumers);
const taken = [consumer('payments', 'taken'), consumer('products', 'taken')];

describe('what an order is blocked on', () => {
  it.each<[what: string, changes: Partial<Diagnosed>, sentence: string]>([
    [
      'an event that the broker has not accepted, and its outbox',
      {
        timeline: [
          step('OrderCreated', [consumer('payments', 'waiting')], { publication: 'in-outbox', at: before(40) }),
        ],
      },
      'OrderCreated waits in the outbox of orders for 40 s: the broker has not taken it',
    ],
    [
      'the service that has not handled an event, and since when',
      { timeline: [created(consumer('payments', 'waiting'), consumer('products', 'taken'))] },
      'payments has not taken OrderCreated, published 00:01:12 ago',
    ],
    [
      'the unavailable service that may not have handled an event',
      { ...without('payments'), timeline: [created(consumer('payments', 'unknown'), consumer('products', 'taken'))] },
      'payments is not answering: whether it has taken OrderCreated (published 00:01:12 ago) is unknown',
    ],
    [
      'the latest event that an unavailable service may not have handled',
      {
        ...without('products'),
        ...ended('Confirmed'),
        timeline: [
          created(consumer('payments', 'taken'), consumer('products', 'unknown')),
          step('OrderConfirmed', [consumer('payments', 'taken'), consumer('products', 'unknown')], {
            publishedAt: null,
          }),
        ],
      },
      'products is not answering: whether it has taken OrderConfirmed is unknown',
    ],
    [
      'the dead letter of its event, and the command that replays it',
      {
        timeline: [created(...taken), step('PaymentReserved', [consumer('products', 'dead-letter')])],
        deadLetters: { items: [letter('PaymentReserved')], complete: true },
      },
      'products set PaymentReserved aside as a dead letter (attempts-exhausted, attempts: 14) 20 s ago: operator dead-letters replay products-3',
    ],
    [
      'the dead letter that could not be parsed, and the command that shows it',
      {
        timeline: [created(...taken), step('PaymentReserved', [consumer('products', 'dead-letter')])],
        deadLetters: { items: [letter('PaymentReserved', { reason: 'bad-schema', attempts: 0 })], complete: true },
      },
      'products set PaymentReserved aside as a dead letter (bad-schema) 20 s ago: operator dead-letters show products-3',
    ],
    [
      'a dead letter about it that belongs to none of its known events',
      {
        timeline: [created(...taken)],
        deadLetters: {
          items: [letter(null, { eventId: null, reason: 'unknown-subject', attempts: 0 })],
          complete: true,
        },
      },
      'products set a message aside as a dead letter (unknown-subject) 20 s ago: operator dead-letters show products-3',
    ],
    [
      'the oldest of several causes',
      {
        timeline: [
          created(consumer('payments', 'taken'), consumer('products', 'waiting')),
          step('PaymentReserved', [consumer('orders', 'waiting')], { publication: 'in-outbox' }),
        ],
      },
      'products has not taken OrderCreated, published 00:01:12 ago',
    ],
    [
      'the payment provider, which has not answered yet',
      {
        timeline: [created(...taken)],
        payment: payment({
          status: 'Authorizing',
          operation: 'authorize',
          operationDueAt: in_(7),
          attempts: [attempt({ finishedAt: null, outcome: null })],
        }),
      },
      'the payment provider, asked to authorize 8 s ago (try 1), has not answered yet: the next try is due in 7 s',
    ],
    [
      'the payment provider, which gave no answer in several tries',
      {
        ...ended('Confirmed'),
        payment: payment({
          purpose: 'take',
          operation: 'capture',
          operationDueAt: before(2),
          attempts: [attempt(), attempt({ operation: 'capture', tries: 6 })],
        }),
      },
      'the payment provider gave no answer to capture (tries so far: 6): the next try was due 2 s ago',
    ],
    [
      'payments, which has not called the provider yet',
      { payment: payment({ status: 'Authorizing', operation: 'authorize', operationDueAt: before(1) }) },
      'payments is to ask the provider to authorize: that was due 1 s ago',
    ],
    [
      'an event that is too recent to ask its consumer about',
      { ...ended('Confirmed'), timeline: [step('PaymentCaptured', [consumer('orders', 'unknown')])] },
      'orders to take PaymentCaptured, which has only just happened',
    ],
    [
      'the deadline, when nothing else is pending',
      { timeline: [created(...taken)] },
      'the deadline: the sweeper cancels it in 12 s',
    ],
    [
      'the sweeper, past the deadline',
      { order: { ...ended('Canceled').order, status: 'Pending', deadlineAt: before(5) } },
      'the sweeper of orders, which should have canceled it 5 s ago',
    ],
    ['nothing, once it is confirmed', ended('Confirmed'), 'nothing: Confirmed at 2026-11-25T10:01:10.000Z'],
    ['nothing, once it is canceled', ended('Canceled'), 'nothing: Canceled (out-of-stock) at 2026-11-25T10:01:10.000Z'],
    [
      'nothing, and the unavailable services are named',
      { ...without('payments', 'products'), ...ended('Confirmed'), payment: null, reservation: null },
      'nothing: Confirmed at 2026-11-25T10:01:10.000Z; payments and products are not answering',
    ],
    [
      'an unknown state while orders is unavailable',
      { ...without('orders'), order: null },
      'whether the order has ended is unknown; orders is not answering',
    ],
    [
      'the service that has not handled an event that was pruned from the outbox',
      {
        ...ended('Confirmed'),
        payment: payment(),
        timeline: [step('OrderConfirmed', [consumer('payments', 'waiting')], { publishedAt: null })],
      },
      'payments has not taken OrderConfirmed',
    ],
    [
      'nothing, when its events have been pruned',
      {
        ...ended('Canceled'),
        timeline: [step('OrderCanceled', [consumer('products', 'pruned')], { publishedAt: null })],
      },
      'nothing: Canceled (out-of-stock) at 2026-11-25T10:01:10.000Z',
    ],
  ])('is %s', (_what, changes, sentence) => {
    expect(blockedOn(diagnosis(changes), now)).toBe(sentence);
  });

  it('is not a dead letter whose event was handled after all', () => {
    const timeline = [created(...taken)];
    const deadLetters = { items: [letter('OrderCreated')], complete: true };
    expect(blockedOn(diagnosis({ ...ended('Confirmed'), timeline, deadLetters }), now)).toMatch(/^nothing: Confirmed/);
  });

  it('is not an event that is published again and that all consumers have handled', () => {
    const timeline = [step('OrderCreated', taken, { publication: 'in-outbox', publishedAt: null })];
    expect(blockedOn(diagnosis({ ...ended('Confirmed'), timeline }), now)).toMatch(/^nothing: Confirmed/);
  });
});
