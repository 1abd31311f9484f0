import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type ConsumerConfig,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/nats-core';
import {
  ACK_WAIT_MS,
  consumerDefinitions,
  isDeadLetterStream,
  MAX_ACK_PENDING,
  streamDefinitions,
  type ConsumerDefinition,
  type StreamDefinition,
} from './definitions';

/** What `provisionBroker` does beyond the definitions. */
export interface ProvisionOptions {
  /** How many servers of a cluster keep each stream; unless told, streams keep what they have, and new ones are kept by one. */
  readonly replicas?: number | undefined;
  /** Bytes that each stream of events may hold; `EVENT_STREAM_MAX_BYTES` unless told. */
  readonly eventBytes?: number | undefined;
  /** Bytes that each stream of dead letters may hold; `DEAD_LETTER_STREAM_MAX_BYTES` unless told. */
  readonly deadLetterBytes?: number | undefined;
}

/** A stream holds more than it is to be allowed: the broker would drop the oldest messages. Nothing was changed of it. */
export class StreamTooSmall extends Error {
  override readonly name = 'StreamTooSmall';

  constructor(stream: string, holds: number, maxBytes: number) {
    super(
      `the stream ${stream} holds ${holds} bytes and was to be limited to ${maxBytes}, which would drop events: allow it more (BROKER_EVENT_STREAM_BYTES, BROKER_DEAD_LETTER_STREAM_BYTES)`,
    );
  }
}

/** More copies of a stream are wanted than there are servers. nats-server 2.9 says yes to that and keeps one. Nothing was changed. */
export class TooFewServers extends Error {
  override readonly name = 'TooFewServers';

  constructor(replicas: number) {
    super(
      `each stream was to be kept by ${replicas} servers, and this broker is one without a cluster: leave BROKER_REPLICAS away, or connect to the cluster (NATS_URL)`,
    );
  }
}

/**
 * Makes the streams and consumers, or brings them to their definition; running it again changes nothing.
 * Needs an admin connection: a service's own user may only make again what is its own (see `BrokerRepair`).
 */
export async function provisionBroker(admin: NatsConnection, options: ProvisionOptions = {}): Promise<void> {
  const copies = copiesOn(admin, options);
  const manager = await jetstreamManager(admin);
  for (const definition of streamDefinitions) {
    await provisionStream(manager, sized(definition, options), copies);
  }
  for (const definition of consumerDefinitions) {
    await provisionConsumer(manager, definition);
  }
}

function sized(definition: StreamDefinition, { eventBytes, deadLetterBytes }: ProvisionOptions): StreamDefinition {
  return {
    ...definition,
    maxBytes: (isDeadLetterStream(definition.name) ? deadLetterBytes : eventBytes) ?? definition.maxBytes,
  };
}

async function provisionStream(manager: JetStreamManager, definition: StreamDefinition, copies: Copies): Promise<void> {
  try {
    const { bytes } = (await manager.streams.info(definition.name)).state;
    if (bytes > definition.maxBytes) {
      throw new StreamTooSmall(definition.name, bytes, definition.maxBytes);
    }
    await manager.streams.update(definition.name, { ...changeableOfStream(definition), ...copies });
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.StreamNotFound)) {
      throw error;
    }
    await makeStream(manager, definition, copies);
  }
}

async function provisionConsumer(manager: JetStreamManager, definition: ConsumerDefinition): Promise<void> {
  try {
    await manager.consumers.update(definition.stream, definition.durable, changeableOfConsumer);
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.ConsumerNotFound)) {
      throw error;
    }
    await makeConsumer(manager, definition);
  }
}

type Copies = Partial<Pick<StreamConfig, 'num_replicas'>>;

/** A server without a cluster keeps one copy, whatever older ones let streams say. */
function copiesOn({ info }: NatsConnection, { replicas }: ProvisionOptions): Copies {
  const isAlone = info?.cluster === undefined;
  if (isAlone && replicas !== undefined && replicas > 1) throw new TooFewServers(replicas);
  if (isAlone) return { num_replicas: 1 };
  return replicas === undefined ? {} : { num_replicas: replicas };
}

const changeableOfStream = ({ name, subjects, maxAgeMs, maxBytes }: StreamDefinition) =>
  ({
    subjects: [...subjects],
    max_age: nanos(maxAgeMs),
    duplicate_window: nanos(2 * 60_000),
    max_bytes: maxBytes,
    // A full stream refuses, and the outbox keeps what it refused; dropping the oldest would take events from who has not read them.
    discard: DiscardPolicy.New,
    // Events go when they are old enough. The broker sends its answers to whatever reply subject a request names, also one of its own API:
    // nats-server 2.9 takes the acknowledgement of one stream for the order to delete a message of another, or to purge it.
    ...(isDeadLetterStream(name) ? {} : { deny_delete: true, deny_purge: true }),
  }) satisfies Partial<StreamConfig>;

const changeableOfConsumer = {
  ack_wait: nanos(ACK_WAIT_MS),
  // Without limit: the broker gives up on a message silently. JetStreamServer counts and dead-letters instead.
  max_deliver: -1,
  max_ack_pending: MAX_ACK_PENDING,
} satisfies Partial<ConsumerConfig>;

/** Makes a stream that is missing; one that is there as it is defined stays as it is, with its messages. */
export async function makeStream(
  manager: JetStreamManager,
  definition: StreamDefinition,
  copies: Copies = {},
): Promise<void> {
  await manager.streams.add({
    ...changeableOfStream(definition),
    ...copies,
    name: definition.name,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
  });
}

/** Makes a consumer that is missing: it delivers the whole stream, the inbox knows what has been handled. */
export async function makeConsumer(manager: JetStreamManager, { stream, durable }: ConsumerDefinition): Promise<void> {
  await manager.consumers.add(stream, {
    ...changeableOfConsumer,
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
  });
}

/** Whether the JetStream API answered with this error code. */
export const isApiError = (error: unknown, code: number): boolean =>
  error instanceof JetStreamApiError && error.code === code;
