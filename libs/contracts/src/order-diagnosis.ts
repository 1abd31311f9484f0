import { z } from 'zod';
import { DeadLetterView } from './dead-letters';
import { Money } from './money';
import { CancellationReason, OrderStatus, TimelineEntry } from './orders';
import { PaymentPurposes, PaymentStates, ProviderOperations } from './payments';
import { Count, Id, Timestamp } from './primitives';
import { ReservationStatuses } from './products';
import { defineRpc, type Service, Services } from './rpc';

/** A service that consumes an order's events without taking part in its saga: auth, for its mails. No order waits for it. */
const OUTSIDE_THE_SAGA = ['auth'] as const satisfies readonly Service[];
type OutsideTheSaga = (typeof OUTSIDE_THE_SAGA)[number];

/** The services that an order's saga goes through, by name: all except those outside it. */
export const SagaServices: readonly Exclude<Service, OutsideTheSaga>[] = Services.filter(
  (service): service is Exclude<Service, OutsideTheSaga> => !OUTSIDE_THE_SAGA.some((outside) => outside === service),
).toSorted();
export const SagaService = z.enum(SagaServices).meta({ id: 'SagaService' });
export type SagaService = z.infer<typeof SagaService>;

/** Maximum number of event ids in one request: an order has fewer than ten events. */
export const MAX_DIAGNOSED_EVENTS = 32;
/** Maximum number of provider attempts shown: the latest ones. */
export const MAX_DIAGNOSED_ATTEMPTS = 20;

/** An event of the order as its producer's outbox has it. */
export const OutboxEvent = z
  .object({
    id: Id,
    name: z.string(),
    /** When it happened. */
    at: Timestamp,
    /** When the broker stored it; null while it waits in the outbox. */
    publishedAt: Timestamp.nullable(),
    causationId: z.string().nullable(),
    traceId: z.string().nullable(),
  })
  .meta({ id: 'OutboxEvent' });
export type OutboxEvent = z.infer<typeof OutboxEvent>;

/** An order's events in a service's outbox and inbox. */
export const EventFacts = z
  .object({
    /** Its own events; those published before the retention of the outbox are missing. */
    outbox: z.array(OutboxEvent),
    /** For each requested event, when this service handled it; null when the inbox has no record. */
    inbox: z.array(z.object({ eventId: Id, takenAt: Timestamp.nullable() })),
    /** Start of the retention of the inbox. */
    notedSince: Timestamp,
  })
  .meta({ id: 'EventFacts' });
export type EventFacts = z.infer<typeof EventFacts>;

/** The state of an order. */
export const OrderFacts = z
  .object({
    status: OrderStatus,
    reason: CancellationReason.nullable(),
    createdAt: Timestamp,
    /** For an order that has ended: when it ended. */
    updatedAt: Timestamp,
    /** When the sweeper cancels it if it is still Pending. */
    deadlineAt: Timestamp,
    paymentReservedAt: Timestamp.nullable(),
    stockReservedAt: Timestamp.nullable(),
  })
  .meta({ id: 'OrderFacts' });
export type OrderFacts = z.infer<typeof OrderFacts>;

/** One call to the payment provider. */
export const ProviderAttempt = z
  .object({
    operation: z.enum(ProviderOperations),
    /** Attempt number of the operation, starting at 1. */
    tries: Count,
    startedAt: Timestamp,
    /** Null while the answer is outstanding, and permanently when the process crashed during the call. */
    finishedAt: Timestamp.nullable(),
    /** `unknown` when the provider gave no answer. */
    outcome: z.string().nullable(),
  })
  .meta({ id: 'ProviderAttempt' });
export type ProviderAttempt = z.infer<typeof ProviderAttempt>;

/** Where an order's money is, where the order wants it, and the calls to the provider. */
export const PaymentFacts = z
  .object({
    id: Id,
    /** The public statuses, and those before them. */
    status: z.enum(PaymentStates),
    /** `hold` until payments has handled the order's end; `take` for a Confirmed order, `return` for a Canceled one. */
    purpose: z.enum(PaymentPurposes),
    amount: Money.nullable(),
    /** The next operation of the provider, and when it is due; null when nothing is due. */
    operation: ProviderAttempt.shape.operation.nullable(),
    operationDueAt: Timestamp.nullable(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    /** Oldest first, `MAX_DIAGNOSED_ATTEMPTS` at most. */
    attempts: z.array(ProviderAttempt),
  })
  .meta({ id: 'PaymentFacts' });
export type PaymentFacts = z.infer<typeof PaymentFacts>;

/** The stock that an order holds. */
export const ReservationFacts = z
  .object({
    status: z.enum(ReservationStatuses),
    /** Whether products knows the lines of the order and its payment. */
    linesKnown: z.boolean(),
    paid: z.boolean(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: 'ReservationFacts' });
export type ReservationFacts = z.infer<typeof ReservationFacts>;

/** One event of an order's saga, combined from all services. */
export const DiagnosisStep = z
  .object({
    event: z.string(),
    service: SagaService,
    /** Null when its producer does not respond or no longer has it in its outbox. */
    eventId: z.string().nullable(),
    at: Timestamp,
    /** Deliveries that orders needed to handle it; null when orders has not handled it or did not respond. */
    attempt: z.int().min(1).nullable(),
    causationId: z.string().nullable(),
    traceId: z.string().nullable(),
    publication: z.enum(['published', 'in-outbox']),
    /** Null while it waits in the outbox, and when it is unknown (pruned, or the producer does not respond). */
    publishedAt: Timestamp.nullable(),
    /** The services of the saga that handle this event. */
    consumers: z.array(
      z.object({
        service: SagaService,
        /**
         * `waiting`: it has not handled the event. `dead-letter`: the event is a dead letter there. `unknown`: it or the producer does not respond.
         * `pruned`: the record is older than the retention.
         */
        state: z.enum(['taken', 'waiting', 'dead-letter', 'unknown', 'pruned']),
        /** When it was handled or dead-lettered, or since when it waits (its publication). Null when unknown. */
        at: Timestamp.nullable(),
      }),
    ),
  })
  .meta({ id: 'TraceStep' });
export type DiagnosisStep = z.infer<typeof DiagnosisStep>;

/** Whether a service responded; if not, the code of the problem. */
export const ServiceAnswer = z
  .object({ service: SagaService, answered: z.boolean(), problem: z.string().nullable() })
  .meta({ id: 'ServiceAnswer' });
export type ServiceAnswer = z.infer<typeof ServiceAnswer>;

/** The diagnosis of an order. The facts of a service that does not respond are null or missing. */
export const OrderDiagnosis = z
  .object({
    id: Id,
    /** What the order is blocked on, in one sentence. */
    waitsFor: z.string(),
    order: OrderFacts.nullable(),
    payment: PaymentFacts.nullable(),
    reservation: ReservationFacts.nullable(),
    services: z.array(ServiceAnswer),
    /** Oldest first. */
    timeline: z.array(DiagnosisStep),
    deadLetters: z.object({
      items: z.array(
        DeadLetterView.pick({
          id: true,
          consumer: true,
          event: true,
          eventId: true,
          reason: true,
          attempts: true,
          at: true,
        }),
      ),
      /** False when a service did not list its dead letters, or has too many to search. */
      complete: z.boolean(),
    }),
  })
  .meta({ id: 'OrderTrace' });
export type OrderDiagnosis = z.infer<typeof OrderDiagnosis>;

/** `eventIds`: events of other services to look up in the inbox. */
const request = z.strictObject({ id: Id, eventIds: z.array(Id).max(MAX_DIAGNOSED_EVENTS) });
// `trace-order`, like `OrderTrace` and `TraceStep` above, is the older name: what goes over the wire or is in the API document keeps it.
const diagnose = { name: 'trace-order', kind: 'query', scopes: ['ops:read'], request } as const;

/** What each service knows about one order, in one snapshot. Orders answers 404 for an unknown order. */
export const OrderDiagnosisRpc = {
  orders: defineRpc({
    ...diagnose,
    service: 'orders',
    response: z.object({ order: OrderFacts, steps: z.array(TimelineEntry), events: EventFacts }),
    summary: 'An order’s state, steps and events as orders has them',
  }),
  payments: defineRpc({
    ...diagnose,
    service: 'payments',
    response: z.object({ payment: PaymentFacts.nullable(), events: EventFacts }),
    summary: 'An order’s payment and events as payments has them',
  }),
  products: defineRpc({
    ...diagnose,
    service: 'products',
    response: z.object({ reservation: ReservationFacts.nullable(), events: EventFacts }),
    summary: 'An order’s reservation and events as products has them',
  }),
} as const;
