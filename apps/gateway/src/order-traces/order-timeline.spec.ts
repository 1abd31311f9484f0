import type { EventFacts, OutboxEvent, TimelineEntry, TraceStep } from '@rookery/contracts';
import type { OrderFactsOfAll } from './order-facts';
import { timelineOf } from './order-timeline';

const day = (of: number): string => `2026-11-${String(of).padStart(2, '0')}T10:00:00.000Z`;
const now = 25;

interface Said {
  readonly outbox?: readonly OutboxEvent[];
  /** Event ids it was asked about, and the day it took them. */
  readonly inbox?: Readonly<Record<string, number | null>>;
}

const recorded = (name: string, changes: Partial<OutboxEvent> = {}): OutboxEvent => ({
  id: name,
  name,
  at: day(now),
  publishedAt: day(now),
  causationId: null,
  traceId: null,
  ...changes,
});

const noted = (event: string, service: string, changes: Partial<TimelineEntry> = {}): TimelineEntry => ({
  position: 1,
  event,
  service,
  at: day(now),
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
  notedSince: day(now - 8),
});

const order = {
  status: 'Pending' as const,
  reason: null,
  createdAt: day(now),
  updatedAt: day(now),
  deadlineAt: day(now),
  paymentReservedAt: null,
  stockReservedAt: null,
};

interface Facts {
  readonly orders?: (Said & { readonly steps?: readonly TimelineEntry[] }) | null;
  readonly payments?: Said | null;
  readonly products?: Said | null;
}

/** What the services say; null is silence. */
const facts = ({ orders = {}, payments = {}, products = {} }: Facts): OrderFactsOfAll => {
  const silence = { facts: null, problem: 'unavailable' };
  return {
    orders: orders
      ? { facts: { order, steps: [...(orders.steps ?? [])], events: events(orders) }, problem: null }
      : silence,
    payments: payments ? { facts: { payment: null, events: events(payments) }, problem: null } : silence,
    products: products ? { facts: { reservation: null, events: events(products) }, problem: null } : silence,
  };
};

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
  at: day(now),
  headers: {},
});

const consumersIn = ([step]: readonly TraceStep[]) =>
  Object.fromEntries(step?.consumers.map(({ service, state, at }) => [service, [state, at]]) ?? []);

describe('the timeline of an order', () => {
  it('puts the events of all services in order, with what orders noted of them', () => {
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

  it('says who has taken an event, who has not, and since when', () => {
    const steps = timelineOf(
      facts({
        orders: { outbox: [recorded('OrderCreated')] },
        payments: { inbox: { OrderCreated: null } },
        products: { inbox: { OrderCreated: now } },
      }),
      [],
    );
    expect(consumersIn(steps)).toEqual({ payments: ['waiting', day(now)], products: ['taken', day(now)] });
  });

  it('says of an event in the outbox that nobody can have taken it yet', () => {
    const outbox = [recorded('OrderCreated', { publishedAt: null })];
    const inbox = { OrderCreated: null };
    const steps = timelineOf(facts({ orders: { outbox }, payments: { inbox }, products: { inbox } }), []);
    expect(steps).toMatchObject([{ publication: 'in-outbox', publishedAt: null }]);
    expect(consumersIn(steps)).toEqual({ payments: ['waiting', null], products: ['waiting', null] });
  });

  it('says of a silent service that it is unknown whether it has taken an event', () => {
    const inbox = { OrderCreated: null };
    const orders = { outbox: [recorded('OrderCreated')] };
    const steps = timelineOf(facts({ orders, payments: null, products: { inbox } }), []);
    expect(consumersIn(steps)).toEqual({ payments: ['unknown', null], products: ['waiting', day(now)] });
  });

  it('knows from what it caused that a silent service has taken an event', () => {
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
    expect(steps[1]?.consumers).toMatchObject([
      { service: 'orders', state: 'taken' },
      { service: 'products', state: 'unknown' },
    ]);
  });

  it('says of what the outbox no longer has that it is unknown, because it was pruned', () => {
    const steps = timelineOf(facts({ orders: { steps: [noted('OrderConfirmed', 'orders', { at: day(20) })] } }), []);
    expect(steps).toMatchObject([{ eventId: null, publication: 'published', publishedAt: null }]);
    expect(consumersIn(steps)).toEqual({ payments: ['pruned', null], products: ['pruned', null] });
  });

  it('says of what is older than the notes of an inbox that it is unknown, because they were pruned', () => {
    const outbox = [recorded('OrderCreated', { at: day(10) })];
    const inbox = { OrderCreated: null };
    const steps = timelineOf(facts({ orders: { outbox }, payments: { inbox }, products: { inbox } }), []);
    expect(consumersIn(steps)).toEqual({ payments: ['pruned', null], products: ['pruned', null] });
  });

  it.each([
    ['by its id', recorded('OrderCreated'), letter('OrderCreated', 'OrderCreated')],
    ['by its name, when the outbox no longer has it', undefined, letter('gone', 'OrderCreated')],
  ])('finds the dead letter of an event %s', (_how, event, dead) => {
    const orders = { outbox: event ? [event] : [], steps: [noted('OrderCreated', 'orders')] };
    const inbox = { OrderCreated: null };
    const steps = timelineOf(facts({ orders, payments: { inbox }, products: { inbox } }), [dead]);
    expect(consumersIn(steps)).toMatchObject({ products: ['dead-letter', day(now)] });
  });

  it('believes the inbox and not a dead letter that was left behind', () => {
    const orders = { outbox: [recorded('OrderCreated')] };
    const products = { inbox: { OrderCreated: now } };
    const steps = timelineOf(facts({ orders, products }), [letter('OrderCreated', 'OrderCreated')]);
    expect(consumersIn(steps)).toMatchObject({ products: ['taken', day(now)] });
  });
});
