import type {
  DiagnosisStep,
  EventFacts,
  OutboxEvent,
  PaymentFacts,
  ReservationFacts,
  TimelineEntry,
} from '@rookery/contracts';
import type { OrderFactsOfAll } from './order-facts';
import { timelineOf } from './order-timeline';

const day = (of: number): string => `2026-11-${String(of).padStart(2, '0')}T10:00:00.000Z`;
const NOW = 25;

interface Said {
  readonly outbox?: readonly OutboxEvent[];
  /** Event ids that it was asked about, and the day when it handled them. */
  readonly inbox?: Readonly<Record<string, number | null>>;
}

const recorded = (name: string, changes: Partial<OutboxEvent> = {}): OutboxEvent => ({
  id: name,
  name,
  at: day(NOW),
  publishedAt: day(NOW),
  causationId: null,
  traceId: null,
  ...changes,
});

const noted = (event: string, service: string, changes: Partial<TimelineEntry> = {}): TimelineEntry => ({
  position: 1,
  event,
  service,
  at: day(NOW),
  attempt: 2,
  causationId: null,
  traceId: null,
  ...changes,
});

const events = ({ outbox = [], inbox = {} }: Said): EventFacts => ({
  outbox: [...outbox],
  inbox: Object.entries(inbox).map(([eventId, takenOn]) => ({
    eventId,
    takenAt: takenOn === null ? null : day(takenOn),
  })),
  notedSince: day(NOW - 8),
});

const order = {
  status: 'Pending' as const,
  reason: null,
  createdAt: day(NOW),
  updatedAt: day(NOW),
  deadlineAt: day(NOW),
  paymentReservedAt: null,
  stockReservedAt: null,
};

interface Facts {
  readonly orders?: (Said & { readonly steps?: readonly TimelineEntry[] }) | null;
  readonly payments?: (Said & { readonly payment?: PaymentFacts }) | null;
  readonly products?: (Said & { readonly reservation?: ReservationFacts }) | null;
}

/** The responses of the services; null for none. */
const facts = ({ orders = {}, payments = {}, products = {} }: Facts): OrderFactsOfAll => {
  const silence = { facts: null, problem: 'unavailable' };
  return {
    orders: orders
      ? { facts: { order, steps: [...(orders.steps ?? [])], events: events(orders) }, problem: null }
      : silence,
    payments: payments
      ? { facts: { payment: payments.payment ?? null, events: events(payments) }, problem: null }
      : silence,
    products: products
      ? { facts: { reservation: products.reservation ?? null, events: events(products) }, problem: null }
      : silence,
  };
};

const payment = (purpose: PaymentFacts['purpose']): PaymentFacts => ({
  id: 'payment',
  status: 'Reserved',
  purpose,
  amount: null,
  operation: null,
  operationDueAt: null,
  createdAt: day(NOW),
  updatedAt: day(NOW),
  attempts: [],
});

const reservation = (status: ReservationFacts['status'], paid = true): ReservationFacts => ({
  status,
  linesKnown: true,
  paid,
  createdAt: day(NOW),
  updatedAt: day(NOW),
});

const letter = (eventId: string | null, event: string) => ({
  id: 'products-1',
  consumer: 'products' as const,
  event,
  type: null,
  eventId,
  aggregateId: 'order',
  reason: 'attempts-exhausted',
  attempts: 14,
  originalSubject: '',
  originalStream: '',
  originalSequence: 1,
  correlationId: null,
  causationId: null,
  at: day(NOW),
  headers: {},
});

const consumersIn = ([step]: readonly DiagnosisStep[]) =>
  Object.fromEntries(step?.consumers.map(({ service, state, at }) => [service, [state, at]]) ?? []);

describe('the timeline of an order', () => {
  it('sorts the events of all services, with their entries in the timeline of orders', () => {
    const steps = timelineOf(
      facts({
        orders: {
          outbox: [recorded('OrderCreated', { at: day(22) })],
          steps: [noted('OrderCreated', 'orders', { attempt: 1 }), noted('StockReserved', 'products')],
        },
        payments: { outbox: [recorded('PaymentReserved', { at: day(23) })] },
        products: { outbox: [recorded('StockReserved', { at: day(24), causationId: 'PaymentReserved' })] },
      }),
      [],
    );
    expect(steps).toMatchObject([
      { event: 'OrderCreated', service: 'orders', attempt: 1 },
      { event: 'PaymentReserved', service: 'payments', attempt: null },
      { event: 'StockReserved', service: 'products', attempt: 2, causationId: 'PaymentReserved' },
    ]);
  });

  it('tells which consumers have taken an event, which have not, and since when', () => {
    const steps = timelineOf(
      facts({
        orders: { outbox: [recorded('OrderCreated')] },
        payments: { inbox: { OrderCreated: null } },
        products: { inbox: { OrderCreated: NOW } },
      }),
      [],
    );
    expect(consumersIn(steps)).toEqual({ payments: ['waiting', day(NOW)], products: ['taken', day(NOW)] });
  });

  it('tells that no consumer has taken an event that is in the outbox', () => {
    const outbox = [recorded('OrderCreated', { publishedAt: null })];
    const inbox = { OrderCreated: null };
    const steps = timelineOf(facts({ orders: { outbox }, payments: { inbox }, products: { inbox } }), []);
    expect(steps).toMatchObject([{ publication: 'in-outbox', publishedAt: null }]);
    expect(consumersIn(steps)).toEqual({ payments: ['waiting', null], products: ['waiting', null] });
  });

  it('tells that it is unknown whether an unavailable service has taken an event', () => {
    const inbox = { OrderCreated: null };
    const orders = { outbox: [recorded('OrderCreated')] };
    const steps = timelineOf(facts({ orders, payments: null, products: { inbox } }), []);
    expect(consumersIn(steps)).toEqual({ payments: ['unknown', null], products: ['waiting', day(NOW)] });
  });

  it('derives from a caused event that an unavailable service has taken an event', () => {
    const steps = timelineOf(
      facts({
        orders: {
          outbox: [recorded('OrderCreated')],
          steps: [noted('PaymentReserved', 'payments', { causationId: 'OrderCreated' })],
        },
        payments: null,
      }),
      [],
    );
    expect(consumersIn(steps)).toMatchObject({ payments: ['taken', null] });
    expect(steps[1]).toMatchObject({ event: 'PaymentReserved', eventId: null, publication: 'published' });
  });

  it('tells that the state of a pruned event is unknown if no service state shows it', () => {
    const steps = timelineOf(
      facts({
        orders: { steps: [noted('OrderCanceled', 'orders', { at: day(20) })] },
        payments: { payment: payment('return') },
        products: { reservation: reservation('Rejected') },
      }),
      [],
    );
    expect(steps).toMatchObject([{ eventId: null, publication: 'published', publishedAt: null }]);
    expect(consumersIn(steps)).toEqual({ payments: ['taken', null], products: ['pruned', null] });
  });

  it.each([
    ['OrderCreated', payment('hold'), reservation('Awaiting', false), 'taken', 'taken'],
    ['OrderCreated', undefined, undefined, 'waiting', 'waiting'],
    ['OrderCreated', { ...payment('return'), status: 'Expected' as const }, undefined, 'waiting', 'waiting'],
    ['OrderConfirmed', payment('take'), reservation('Shipped'), 'taken', 'taken'],
    ['OrderConfirmed', payment('hold'), reservation('Reserved'), 'waiting', 'waiting'],
    ['OrderCanceled', payment('return'), reservation('Withdrawn'), 'taken', 'taken'],
    ['OrderCanceled', payment('hold'), reservation('Reserved'), 'waiting', 'waiting'],
  ])(
    'derives from the state of payments and products who has taken %s, however long ago',
    (event, paid, held, one, other) => {
      const steps = timelineOf(
        facts({
          orders: { steps: [noted(event, 'orders', { at: day(2) })] },
          payments: paid ? { payment: paid } : {},
          products: held ? { reservation: held } : {},
        }),
        [],
      );
      expect(consumersIn(steps)).toEqual({ payments: [one, null], products: [other, null] });
    },
  );

  it.each([
    [true, 'taken'],
    [false, 'waiting'],
  ])(
    'derives from the reservation (paid: %s) whether products has taken the event of an unavailable payments',
    (paid, state) => {
      const orders = { steps: [noted('PaymentReserved', 'payments')] };
      const products = { reservation: reservation('Awaiting', paid) };
      const steps = timelineOf(facts({ orders, payments: null, products }), []);
      expect(consumersIn(steps)).toEqual({ orders: ['taken', null], products: [state, null] });
    },
  );

  it('tells that the state of an event older than the inbox is unknown', () => {
    const orders = { outbox: [recorded('OrderCanceled', { at: day(10) })] };
    const products = { inbox: { OrderCanceled: null }, reservation: reservation('Rejected') };
    expect(consumersIn(timelineOf(facts({ orders, products }), []))).toMatchObject({ products: ['pruned', null] });
  });

  it.each([
    ['by its id', recorded('OrderCreated'), letter('OrderCreated', 'OrderCreated')],
    ['by its name, when the outbox no longer has it', undefined, letter('gone', 'OrderCreated')],
  ])('finds the dead letter of an event %s', (_how, event, dead) => {
    const orders = { outbox: event ? [event] : [], steps: [noted('OrderCreated', 'orders')] };
    const inbox = { OrderCreated: null };
    const steps = timelineOf(facts({ orders, payments: { inbox }, products: { inbox } }), [dead]);
    expect(consumersIn(steps)).toMatchObject({ products: ['dead-letter', day(NOW)] });
  });

  it('trusts the inbox, not a leftover dead letter', () => {
    const orders = { outbox: [recorded('OrderCreated')] };
    const products = { inbox: { OrderCreated: NOW } };
    const steps = timelineOf(facts({ orders, products }), [letter('OrderCreated', 'OrderCreated')]);
    expect(consumersIn(steps)).toMatchObject({ products: ['taken', day(NOW)] });
  });
});
