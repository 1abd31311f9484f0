import { DeadLetterConsumers, eventEdges, eventProducers, Services, type Service } from '@rookery/contracts';
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
import type { BrokerCredential, BrokerUser } from './broker-users';
import { moveSharedDeadLetters, setSharedDeadLettersAside } from './shared-dead-letters';

const day = 24 * 60 * 60_000;
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
    maxAgeMs: 7 * day,
    maxBytes: EVENT_STREAM_MAX_BYTES,
  })),
  ...DeadLetterConsumers.map((consumer) => ({
    name: deadLetterStreamOf(consumer),
    subjects: [`dlq.${consumer}.>`],
    maxAgeMs: 30 * day,
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
  await setSharedDeadLettersAside(manager);
  for (const definition of streamDefinitions) {
    await provisionStream(manager, sized(definition, options), copies);
  }
  await moveSharedDeadLetters(admin, manager);
  for (const definition of consumerDefinitions) {
    await provisionConsumer(manager, definition);
  }
}

function sized(definition: StreamDefinition, { eventBytes, deadLetterBytes }: ProvisionOptions): StreamDefinition {
  return {
    ...definition,
    maxBytes: (isDeadLetters(definition.name) ? deadLetterBytes : eventBytes) ?? definition.maxBytes,
  };
}

const isDeadLetters = (stream: string): boolean => stream.startsWith(deadLetterStreamOf(''));

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
    ...(isDeadLetters(name) ? {} : { deny_delete: true, deny_purge: true }),
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

/** An isolated set of subjects and streams on a broker. */
export interface BrokerAccount {
  readonly name: string;
  readonly users: readonly BrokerUser[];
}

/** Files of a nats-server that speaks TLS only, and only with clients whose certificate is signed by `ca`. */
export interface NatsServerTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What `natsServerSettings` renders. */
export interface NatsServerSettings {
  readonly host?: string;
  readonly port: number;
  /** Monitoring port; none unless given. */
  readonly httpPort?: number;
  readonly storeDir: string;
  /**
   * Room for all streams together, as nats-server reads it (`64GB`). Their limits count against it as if they were used up. It is set because
   * the server takes three quarters of what is free on the disk otherwise, and makes no stream when there is little.
   */
  readonly maxFileStore?: string;
  /** Plain TCP unless given. */
  readonly tls?: NatsServerTls | undefined;
}

/** What `natsServerConfig` renders. */
export interface NatsServerOptions extends NatsServerSettings {
  readonly accounts: readonly BrokerAccount[];
}

/** The configuration of a nats-server, 2.9.10 or newer. */
export function natsServerConfig({ accounts, ...settings }: NatsServerOptions): string {
  return `${natsServerSettings(settings)}${natsAccountsConfig(accounts)}`;
}

/** The part of the configuration that says nothing of accounts. Without them everybody may do everything. */
export function natsServerSettings({
  host = '127.0.0.1',
  port,
  httpPort,
  storeDir,
  maxFileStore = '64GB',
  tls,
}: NatsServerSettings): string {
  return [
    `host: ${quoted(host)}`,
    `port: ${port}`,
    ...(httpPort === undefined ? [] : [`http: ${quoted(`${host}:${httpPort}`)}`]),
    'max_payload: 1048576',
    // A client whose connection is half open is given up after 20-30 s, and one that does not read after 5 s.
    'ping_interval: "10s"',
    'ping_max: 2',
    'write_deadline: "5s"',
    ...(tls === undefined ? [] : [renderTls(tls)]),
    `jetstream { store_dir: ${quoted(storeDir)}, max_file_store: ${maxFileStore} }`,
    '',
  ].join('\n');
}

/** The server also wants to know its clients: without a certificate of the same authority nobody gets as far as the log-in. */
const renderTls = ({ ca, cert, key }: NatsServerTls): string =>
  `tls { cert_file: ${quoted(cert)}, key_file: ${quoted(key)}, ca_file: ${quoted(ca)}, verify: true, timeout: 5 }`;

/**
 * The accounts of a nats-server with their users. All users stand inside `accounts {}`: on 2.9.10 `authorization {users}` beside
 * `accounts` lets anonymous clients in (CVE-2023-47090).
 */
export function natsAccountsConfig(accounts: readonly BrokerAccount[]): string {
  return ['accounts {', ...accounts.map(renderAccount), '}', ''].join('\n');
}

function renderAccount({ name, users }: BrokerAccount): string {
  return [
    `  ${quoted(name)} {`,
    '    jetstream: enabled',
    '    users: [',
    ...users.flatMap(({ keys, permissions }) => keys.map((key) => renderUser(key, permissions))),
    '    ]',
    '  }',
  ].join('\n');
}

function renderUser(credential: BrokerCredential, permissions: BrokerUser['permissions']): string {
  if (permissions === undefined) return `      { ${renderCredential(credential)} }`;
  return [
    `      { ${renderCredential(credential)}, permissions: {`,
    `          publish: ${renderSubjects(permissions.publish, permissions.neverPublish)}`,
    `          subscribe: ${renderSubjects(permissions.subscribe)}`,
    '      } }',
  ].join('\n');
}

function renderCredential(credential: BrokerCredential): string {
  if (typeof credential === 'string') return `nkey: ${quoted(credential)}`;
  // A variable stands without quotes: nats-server replaces no other.
  if ('variable' in credential) return `nkey: $${credential.variable}`;
  return `user: ${quoted(credential.user)}, password: ${quoted(credential.password)}`;
}

/** An empty allow list would mean "everything" to nats-server. What is denied is so even where the list allows it. */
function renderSubjects(allowed: readonly string[], denied: readonly string[] = []): string {
  if (allowed.length === 0) return '{ deny: [">"] }';
  const deny = denied.length === 0 ? '' : `, deny: [${denied.map(quoted).join(', ')}]`;
  return `{ allow: [${allowed.map(quoted).join(', ')}]${deny} }`;
}

/** A string as nats-server reads it: its double-quoted strings know \" \\ and \xHH only. */
function quoted(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[\u0000-\u001f\u007f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${escaped}"`;
}
