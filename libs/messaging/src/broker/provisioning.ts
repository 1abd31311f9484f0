import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/nats-core';
import {
  ACK_WAIT_MS,
  type ConsumerDefinition,
  consumerDefinitions,
  isDeadLetterStream,
  MAX_ACK_PENDING,
  type StreamDefinition,
  streamDefinitions,
} from './definitions';

/** Deployment settings of `provisionBroker`. */
export interface ProvisionOptions {
  /**
   * Number of cluster servers that keep a copy of each stream.
   * @default existing streams keep their number, new ones get one copy
   */
  readonly replicas?: number | undefined;
  /**
   * Size limit of each event stream, in bytes.
   * @default EVENT_STREAM_MAX_BYTES
   */
  readonly eventBytes?: number | undefined;
  /**
   * Size limit of each dead-letter stream, in bytes.
   * @default DEAD_LETTER_STREAM_MAX_BYTES
   */
  readonly deadLetterBytes?: number | undefined;
}

/** A stream already holds more than its new limit: the broker would drop the oldest messages. The stream was not changed. */
export class StreamTooSmall extends Error {
  override readonly name = 'StreamTooSmall';

  constructor(stream: string, holds: number, maxBytes: number) {
    super(
      `the stream ${stream} holds ${holds} bytes; a limit of ${maxBytes} would drop events. Raise the limit (BROKER_EVENT_STREAM_BYTES, BROKER_DEAD_LETTER_STREAM_BYTES)`,
    );
  }
}

/** A single server cannot keep several copies of a stream. nats-server 2.9 accepts the setting and keeps one. Nothing was changed. */
export class TooFewServers extends Error {
  override readonly name = 'TooFewServers';

  constructor(replicas: number) {
    super(
      `${replicas} copies of each stream were requested, but this broker is a single server. Remove BROKER_REPLICAS or connect to the cluster (NATS_URL)`,
    );
  }
}

/**
 * Creates the streams and consumers or updates them to their definitions. It is idempotent. It needs an admin connection: the user of
 * a service can only recreate its own streams and consumers (see `StreamRecovery`).
 * @throws {TooFewServers} when a single server is asked for several copies
 * @throws {StreamTooSmall} when a stream holds more than its new limit
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
  const bytes = isDeadLetterStream(definition.name) ? deadLetterBytes : eventBytes;
  return { ...definition, maxBytes: bytes ?? definition.maxBytes };
}

async function provisionStream(manager: JetStreamManager, definition: StreamDefinition, copies: Copies): Promise<void> {
  try {
    const { bytes } = (await manager.streams.info(definition.name)).state;
    if (bytes > definition.maxBytes) {
      throw new StreamTooSmall(definition.name, bytes, definition.maxBytes);
    }
    await manager.streams.update(definition.name, { ...mutableStreamConfig(definition), ...copies });
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.StreamNotFound)) {
      throw error;
    }
    await createStream(manager, definition, copies);
  }
}

async function provisionConsumer(manager: JetStreamManager, definition: ConsumerDefinition): Promise<void> {
  try {
    await manager.consumers.update(definition.stream, definition.durable, mutableConsumerConfig);
  } catch (error) {
    if (!isApiError(error, JetStreamApiCodes.ConsumerNotFound)) {
      throw error;
    }
    await createConsumer(manager, definition);
  }
}

type Copies = Partial<Pick<StreamConfig, 'num_replicas'>>;

/** A single server keeps one copy, even where old versions accept a higher number. */
function copiesOn({ info }: NatsConnection, { replicas }: ProvisionOptions): Copies {
  const isSingle = info?.cluster === undefined;
  if (isSingle && replicas !== undefined && replicas > 1) {
    throw new TooFewServers(replicas);
  }
  if (isSingle) {
    return { num_replicas: 1 };
  }
  return replicas === undefined ? {} : { num_replicas: replicas };
}

const mutableStreamConfig = ({ name, subjects, maxAgeMs, maxBytes }: StreamDefinition) =>
  ({
    subjects: [...subjects],
    max_age: nanos(maxAgeMs),
    duplicate_window: nanos(2 * 60_000),
    max_bytes: maxBytes,
    // A full stream rejects events and the outbox keeps them. Dropping the oldest would lose events that a consumer has not read.
    discard: DiscardPolicy.New,
    // Only age removes events. The broker replies to any subject that a request names, even one of its own API: nats-server 2.9
    // interprets the acknowledgement of one stream as a request to delete a message of another stream, or to purge it.
    ...(isDeadLetterStream(name) ? {} : { deny_delete: true, deny_purge: true }),
  }) satisfies Partial<StreamConfig>;

const mutableConsumerConfig = {
  ack_wait: nanos(ACK_WAIT_MS),
  // Unlimited, because the broker gives up silently. JetStreamServer counts the attempts and dead-letters instead.
  max_deliver: -1,
  max_ack_pending: MAX_ACK_PENDING,
} satisfies Partial<ConsumerConfig>;

/** Creates a missing stream. A stream that already matches its definition keeps its messages. */
export async function createStream(
  manager: JetStreamManager,
  definition: StreamDefinition,
  copies: Copies = {},
): Promise<void> {
  await manager.streams.add({
    ...mutableStreamConfig(definition),
    ...copies,
    name: definition.name,
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
  });
}

/** Creates a missing consumer. It delivers the whole stream: the inbox knows which events have been handled. */
export async function createConsumer(
  manager: JetStreamManager,
  { stream, durable }: ConsumerDefinition,
): Promise<void> {
  await manager.consumers.add(stream, {
    ...mutableConsumerConfig,
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
  });
}

/** Whether the JetStream API answered with this error code. */
export const isApiError = (error: unknown, code: number): boolean =>
  error instanceof JetStreamApiError && error.code === code;
