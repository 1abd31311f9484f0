import { DeadLetterConsumers, eventEdges, eventProducers, type Service, Services } from '@rookery/contracts';

const DAY_MS = 24 * 60 * 60_000;
const MIB = 1_024 * 1_024;

/** Default size limit of an event stream, in bytes: about 300,000 orders as measured, within the 2 GiB that every broker has. */
export const EVENT_STREAM_MAX_BYTES = 512 * MIB;
/** Default size limit of a dead-letter stream, in bytes. */
export const DEAD_LETTER_STREAM_MAX_BYTES = 64 * MIB;

/** Name of the stream with the events of a service: the producer in capitals. */
export const streamOf = (producer: string): string => producer.toUpperCase();

/** Name of the stream with one service's dead letters. Each service has its own, so that no other can read or delete them. */
export const deadLetterStreamOf = (consumer: string): string => `DLQ_${consumer.toUpperCase()}`;

/** Whether a stream holds dead letters. */
export const isDeadLetterStream = (stream: string): boolean => stream.startsWith(deadLetterStreamOf(''));

/** Time without an ack or a progress signal (see `JetStreamServer`) after which the broker redelivers a message. */
export const ACK_WAIT_MS = 10_000;

/** Limit of unacknowledged messages per consumer: it bounds the memory of the consuming process. */
export const MAX_ACK_PENDING = 256;

/** A stream as `provisionBroker` creates it. */
export interface StreamDefinition {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly maxAgeMs: number;
  /** A full stream rejects new messages. It never drops old ones to make room. */
  readonly maxBytes: number;
}

/** A durable consumer as `provisionBroker` creates it: one service that reads the whole stream. */
export interface ConsumerDefinition {
  readonly stream: string;
  readonly durable: Service;
}

/** One stream per producer, kept for 7 days, and one dead-letter stream per consumer, kept for 30 days. */
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

/** One durable consumer per stream and consuming service, named after the service. */
export const consumerDefinitions: readonly ConsumerDefinition[] = Services.flatMap((service) =>
  consumedBy(service).map((producer) => ({ stream: streamOf(producer), durable: service })),
);

/** The stream that a service publishes its events to, or undefined when it publishes none. */
export const ownStreamOf = (service: string): StreamDefinition | undefined =>
  eventProducers.some((producer) => producer === service)
    ? streamDefinitions.find(({ name }) => name === streamOf(service))
    : undefined;
