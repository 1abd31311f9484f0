import { type Caller, Callers, type Service, Services } from './rpc';

const callees = {
  gateway: ['auth', 'products', 'orders', 'payments'],
  auth: [],
  products: [],
  orders: ['products', 'payments'],
  payments: [],
} as const satisfies Record<Caller, readonly Service[]>;

/** Which process calls which service: the edges of the context map. Broker permissions and internal tokens are derived from it. */
export const rpcEdges: Readonly<Record<Caller, readonly Service[]>> = callees;

/** A process that calls services, and therefore has its own key for internal tokens. */
export type Requester = { [C in Caller]: (typeof callees)[C] extends readonly [] ? never : C }[Caller];

/** Every process that calls services. */
export const Requesters: readonly Requester[] = Callers.filter(
  (caller): caller is Requester => callees[caller].length > 0,
);

/** Which services publish events: each has a stream named after it in capitals. */
export const eventProducers = ['orders', 'payments', 'products'] as const satisfies readonly Service[];

const consumers = {
  auth: ['orders'],
  orders: ['payments', 'products'],
  payments: ['orders'],
  products: ['orders', 'payments'],
} as const satisfies Partial<Record<Service, readonly (typeof eventProducers)[number][]>>;

/** Which service consumes which streams, by a durable consumer named after the consuming service. */
export const eventEdges: Readonly<Partial<Record<Service, readonly (typeof eventProducers)[number][]>>> = consumers;

/** A service that consumes events and may therefore have dead letters. */
export type EventConsumer = keyof typeof consumers;

/** The services that consume events, by name. */
export const EventConsumers: readonly EventConsumer[] = Services.filter(
  (service): service is EventConsumer => service in consumers,
).toSorted();
