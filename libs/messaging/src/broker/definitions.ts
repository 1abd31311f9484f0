import { DeadLetterConsumers, eventEdges, eventProducers, Services, type Service } from '@rookery/contracts';

const DAY_MS = 24 * 60 * 60_000;
const MiB = 1_024 * 1_024;

/** Room for the events of one producer unless told: about 300,000 orders (docs/cost.md), within the 2 GiB that a broker has at least. */
export const EVENT_STREAM_MAX_BYTES = 512 * MiB;
/** Room for the dead letters of one consumer unless told. */
export const DEAD_LETTER_STREAM_MAX_BYTES = 64 * MiB;

/** Stream of the events that a service publishes: the producer in capitals. */
export const streamOf = (producer: string): string => producer.toUpperCase();

/** Stream of one consuming service's dead letters: one each, so that no service can read or delete another's. */
export const deadLetterStreamOf = (consumer: string): string => `DLQ_${consumer.toUpperCase()}`;

/** How long the broker waits for an ack (or a sign of work, see `JetStreamServer`) before it delivers a message again. */
export const ACK_WAIT_MS = 10_000;

/** Most messages that one consumer has in hand at a time: this bounds its memory. */
export const MAX_ACK_PENDING = 256;

/** What `provisionBroker` makes a stream from. */
export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeMs: number;
  /** Beyond this it refuses new messages; it never drops old ones to make room. */
  readonly maxBytes: number;
}

/** What `provisionBroker` makes a durable consumer from: the whole stream, for one consuming service. */
export interface ConsumerDefinition {
  readonly stream: string;
  readonly durable: Service;
}

/** One stream per producer, kept 7 days, and one of dead letters per consumer, kept 30 days. */
export const streamDefinitions: readonly StreamDefinition[] = [
  ...eventProducers.map((producer) => ({
    name: streamOf(producer),
    subjects: [`events.${producer}.>`],
    maxAgeMs: 7 * DAY_MS,
    maxBytes: EVENT_STREAM_MAX_BYTES,
  })),
  ...DeadLetterConsumers.map((consumer) => ({
    name: deadLetterStreamOf(consumer),
    subjects: [`dlq.${consumer}.>`],
    maxAgeMs: 30 * DAY_MS,
    maxBytes: DEAD_LETTER_STREAM_MAX_BYTES,
  })),
];

/** The producers whose streams a service consumes, by the context map. */
export const consumedBy = (service: Service): readonly Service[] => eventEdges[service] ?? [];

/** One durable consumer per (stream, consuming service), named after the service. */
export const consumerDefinitions: readonly ConsumerDefinition[] = Services.flatMap((service) =>
  consumedBy(service).map((producer) => ({ stream: streamOf(producer), durable: service })),
);

/** The stream that a service publishes its events to; undefined when it publishes none. */
export const ownStreamOf = (service: string): StreamDefinition | undefined =>
  eventProducers.some((producer) => producer === service)
    ? streamDefinitions.find(({ name }) => name === streamOf(service))
    : undefined;

/** Whether a stream is one of dead letters. */
export const isDeadLetterStream = (stream: string): boolean => stream.startsWith(deadLetterStreamOf(''));
