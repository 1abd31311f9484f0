import { type Caller, Callers, eventProducers, rpcEdges, type Service } from '@rookery/contracts';
import { consumedBy, type ConsumerDefinition, deadLetterStreamOf, streamOf } from './definitions';

/** A public nkey (`U…`), or the environment variable of nats-server that holds it. */
export type BrokerKey = string | { readonly variable: string };

/** A client of the broker: one of the processes, or the admin with all permissions in the account. */
export type BrokerClient = Caller | 'admin';

/** Subjects that a client may publish and subscribe to. */
export interface BrokerPermissions {
  readonly publish: readonly string[];
  /** Overrides `publish`. */
  readonly neverPublish: readonly string[];
  readonly subscribe: readonly string[];
}

/** A client of the broker with its keys and permissions. */
export interface BrokerUser {
  /** Each of them is accepted: during a key rotation there are two. */
  readonly keys: readonly BrokerKey[];
  /** @default all subjects */
  readonly permissions?: BrokerPermissions;
}

/** Subjects of the gateway besides its inbox: live updates of order timelines, and change notifications and events for its product cache. */
const GATEWAY_SUBJECTS = ['live.orders.*', 'live.products.*', 'events.products.product.>'];

/** The callers of a service: the inverse of the context map (`rpcEdges`). */
export const callersOf = (service: string): readonly Caller[] =>
  Callers.filter((caller) => rpcEdges[caller].some((callee) => callee === service));

/** Prefix of the reply subjects of a process. Each process has its own, so that none can read the replies to another. */
export const inboxPrefixOf = (service: string): string => `_INBOX.${service}`;

/**
 * Prefix of the subjects on which a process receives from the broker itself: acknowledgements, messages of its consumers, replies of the
 * JetStream API. No client may publish there, so that none can impersonate the broker.
 */
export const jetstreamInboxPrefixOf = (service: string): string => `${inboxPrefixOf(service)}.js`;

/** Whether a service may reply to this subject: an inbox of one of its callers, except the part reserved for the broker. */
export const mayReplyTo = (service: string, reply: string): boolean =>
  callersOf(service).some(
    (caller) =>
      reply.startsWith(`${inboxPrefixOf(caller)}.`) && !reply.startsWith(`${jetstreamInboxPrefixOf(caller)}.`),
  );

/**
 * Subjects by which a consumer acknowledges its deliveries, in two forms. The first is that of all servers so far. The second is that of
 * nats-server 2.15 with `feature_flags { js_ack_fc_v2: true }`: domain (`_` for none) and account precede the stream. A wildcard for the
 * domain would also match the first form of other consumers (`$JS.ACK.<stream>.<other consumer>.<stream>.<consumer>…`).
 */
export const ackSubjectsOf = ({ stream, durable }: ConsumerDefinition): readonly string[] => [
  `$JS.ACK.${stream}.${durable}.>`,
  `$JS.ACK._.*.${stream}.${durable}.>`,
];

/** The users of one account: the admin, and each process with the least permissions for the context map (`rpcEdges`, `eventEdges`). */
export function brokerUsers(keys: Readonly<Record<BrokerClient, readonly BrokerKey[]>>): readonly BrokerUser[] {
  return [
    { keys: keys.admin },
    ...Callers.map((caller) => ({ keys: keys[caller], permissions: permissionsOf(caller) })),
  ];
}

/** There is no permission to reply to arbitrary subjects: replies go to the inboxes of the callers. */
const permissionsOf = (caller: Caller): BrokerPermissions => ({
  publish: publishSubjects(caller),
  neverPublish: callersOf(caller).length === 0 ? [] : [`${jetstreamInboxPrefixOf('*')}.>`],
  subscribe: [...subscribeSubjects(caller), `${inboxPrefixOf(caller)}.>`],
});

function publishSubjects(caller: Caller): readonly string[] {
  const calls = rpcEdges[caller].map((callee) => `rpc.${callee}.>`);
  if (caller === 'gateway') {
    return calls;
  }
  const produces = eventProducers.some((producer) => producer === caller);
  const consumed = consumedBy(caller).map(streamOf);
  return [
    ...calls,
    ...callersOf(caller).map((asking) => `${inboxPrefixOf(asking)}.>`),
    ...(produces ? [`events.${caller}.>`, `live.${caller}.>`, ...recreationSubjects(streamOf(caller))] : []),
    ...(consumed.length > 0 ? deadLetterSubjects(caller) : []),
    ...consumed.flatMap((stream) => [
      `$JS.API.CONSUMER.INFO.${stream}.${caller}`,
      // No filter subject may follow: a consumer of the whole stream is the only kind allowed.
      `$JS.API.CONSUMER.CREATE.${stream}.${caller}`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${caller}`,
      ...ackSubjectsOf({ stream, durable: caller }),
    ]),
  ];
}

/** Write, read, count and delete the service's own dead letters, and recreate their stream. */
function deadLetterSubjects(consumer: Service): readonly string[] {
  const stream = deadLetterStreamOf(consumer);
  return [
    `dlq.${consumer}.>`,
    ...recreationSubjects(stream),
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
  ];
}

/** Inspect a stream and create it when it is missing. Updating, purging and deleting it use other subjects. */
const recreationSubjects = (stream: string): readonly string[] => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.CREATE.${stream}`,
];

function subscribeSubjects(caller: Caller): readonly string[] {
  return caller === 'gateway' ? GATEWAY_SUBJECTS : [`rpc.${caller}.>`];
}
