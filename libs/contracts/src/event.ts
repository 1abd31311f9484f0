import type { z } from 'zod';
import type { EventConsumer } from './context-map';
import type { Service } from './rpc';

/**
 * One kind of event, the only definition of it: a past-tense fact, its producer and the schema of its data.
 * Subject `events.<service>.<aggregate>.<fact>.v<n>`.
 */
export interface EventContract<Data extends z.ZodType = z.ZodType> {
  /** What happened, for example `OrderCreated`; CloudEvents `type` is `rookery.<name>.v<version>`. */
  readonly name: string;
  readonly version: number;
  readonly producer: Service;
  readonly aggregate: string;
  /** The services that act on it; the specs of each compare its handlers with it. Other consumers only record the event in their inbox. */
  readonly handledBy: readonly EventConsumer[];
  readonly subject: string;
  readonly data: Data;
  readonly summary: string;
}

const kebab = (name: string): string => name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();

/** Declares an event; the subject is derived from producer, aggregate, fact and version. */
export function defineEvent<Data extends z.ZodType>(
  contract: Omit<EventContract<Data>, 'subject'>,
): EventContract<Data> {
  const { producer, aggregate, name, version } = contract;
  return { ...contract, subject: `events.${producer}.${aggregate}.${kebab(name)}.v${version}` };
}

/**
 * The attributes and data of one event: CloudEvents 1.0 in binary mode (attributes as `ce-*` NATS headers, data as the JSON payload)
 * with the extensions that the saga needs.
 */
export interface EventMessage<Data = unknown> {
  /** CloudEvents `id`, UUID v7. It is also the `Nats-Msg-Id` and the key by which the inbox deduplicates. */
  readonly id: string;
  /** Name of the event, for example `OrderCreated`. */
  readonly name: string;
  readonly version: number;
  /** CloudEvents `source`: the producing service. */
  readonly source: string;
  /** CloudEvents `subject`: id of the aggregate that the event happened to. Events of one aggregate are handled in order. */
  readonly aggregateId: string;
  /** Position among the events of its aggregate: 1, 2, 3 … without gaps. */
  readonly sequence: number;
  /** When it happened at the producer, RFC 3339. */
  readonly time: string;
  readonly correlationId: string;
  /** Id of the request or event that caused it. */
  readonly causationId: string | null;
  readonly traceparent: string | null;
  readonly data: Data;
}

/** An event as the outbox stores it and the relay publishes it: its data is JSON text. The id stays the same each time. */
export interface StoredEvent extends EventMessage<string> {
  /** NATS subject. */
  readonly subject: EventContract['subject'];
}

/** An event as a handler gets it. */
export interface EventEnvelope<Data = unknown> extends EventMessage<Data> {
  /** Number of this delivery to the consumer, from 1. */
  readonly attempt: number;
  /** Whether the previous event (sequence - 1) did not arrive within the gap timeout, so that this one is handled without it. */
  readonly skipsGap: boolean;
}

/** Code of the problem by which a handler reports that the previous event of the same aggregate has not been handled yet. */
export const EVENT_TOO_EARLY = 'event.too-early';

/** Data of an event contract. */
export type DataOf<Contract extends EventContract> = z.infer<Contract['data']>;
/** Envelope of an event contract. */
export type EventOf<Contract extends EventContract> = EventEnvelope<DataOf<Contract>>;
