import {
  type EventFacts,
  OrderDiagnosisRpc,
  type OrderFacts,
  type OutboxEvent,
  type PaymentFacts,
  type ReservationFacts,
  type TimelineEntry,
} from '@rookery/contracts';
import { NotFound } from '@rookery/platform';
import { stubRpc, type TestBroker } from '@rookery/testing';

const at = (second: number): string => `2026-11-23T08:00:${String(second).padStart(2, '0')}.000Z`;

const event = (name: string, id: string, second: number, causationId: string | null): OutboxEvent => ({
  id,
  name,
  at: at(second),
  publishedAt: at(second),
  causationId,
  traceId: '0af7651916cd43dd8448eb211c80319c',
});

export const orderCreatedId = '019a5c2e-6f00-7000-8000-0000000000e1';
export const paymentReservedId = '019a5c2e-6f00-7000-8000-0000000000e2';

/** Facts of a service about its own events, and about the requested ones: all handled except the given ones. */
const events = (
  outbox: readonly OutboxEvent[],
  eventIds: readonly string[],
  notTaken: readonly string[] = [],
): EventFacts => ({
  outbox: [...outbox],
  inbox: eventIds.map((eventId) => ({ eventId, takenAt: notTaken.includes(eventId) ? null : at(9) })),
  notedSince: '2026-11-20T00:00:00.000Z',
});

const order: OrderFacts = {
  status: 'Pending',
  reason: null,
  createdAt: at(1),
  updatedAt: at(3),
  deadlineAt: at(59),
  paymentReservedAt: at(3),
  stockReservedAt: null,
};

const steps: TimelineEntry[] = [
  { position: 1, event: 'OrderCreated', service: 'orders', at: at(1), attempt: 1, causationId: null, traceId: null },
  {
    position: 2,
    event: 'PaymentReserved',
    service: 'payments',
    at: at(2),
    attempt: 1,
    causationId: orderCreatedId,
    traceId: '0af7651916cd43dd8448eb211c80319c',
  },
];

const payment: PaymentFacts = {
  id: '019a5c2e-6f00-7000-8000-00000000000d',
  status: 'Reserved',
  purpose: 'hold',
  amount: { amountMinor: 2500, currency: 'EUR' },
  operation: null,
  operationDueAt: null,
  createdAt: at(1),
  updatedAt: at(2),
  attempts: [{ operation: 'authorize', tries: 1, startedAt: at(1), finishedAt: at(2), outcome: 'authorized' }],
};

const reservation: ReservationFacts = {
  status: 'Awaiting',
  linesKnown: true,
  paid: false,
  createdAt: at(1),
  updatedAt: at(1),
};

/** The services while products has not handled PaymentReserved; `knows` is the only existing order. */
export async function stubOrderDiagnosis(broker: TestBroker, knows: string, silence: () => Promise<unknown>) {
  return {
    diagnoseOrder: await stubRpc(broker, OrderDiagnosisRpc.orders, ({ id, eventIds }) => {
      if (id !== knows) {
        throw new NotFound('orders.order-not-found', 'There is no such order.');
      }
      return { order, steps, events: events([event('OrderCreated', orderCreatedId, 1, null)], eventIds) };
    }),
    diagnosePayment: await stubRpc(broker, OrderDiagnosisRpc.payments, ({ eventIds }) => ({
      payment,
      events: events([event('PaymentReserved', paymentReservedId, 2, orderCreatedId)], eventIds),
    })),
    diagnoseReservation: await stubRpc(broker, OrderDiagnosisRpc.products, async ({ eventIds }) => {
      await silence();
      return { reservation, events: events([], eventIds, [paymentReservedId]) };
    }),
  };
}
