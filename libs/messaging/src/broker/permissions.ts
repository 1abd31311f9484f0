import { Callers, eventProducers, rpcEdges, type Caller, type Service } from '@rookery/contracts';
import { consumedBy, deadLetterStreamOf, streamOf, type ConsumerDefinition } from './definitions';

/** A public nkey itself (`U…`), or the variable that holds it where nats-server runs. */
export type BrokerKey = string | { readonly variable: string };

/** Those who connect to the broker: the processes, and the admin, who may do everything in the account. */
export type BrokerClient = Caller | 'admin';

/** Subjects that a client may use. */
export interface BrokerPermissions {
  readonly publish: readonly string[];
  /** Not even where `publish` allows it. */
  readonly neverPublish: readonly string[];
  readonly subscribe: readonly string[];
}

/** A client of the broker with the subjects it may use. */
export interface BrokerUser {
  /** Any of these opens the door: while a key is replaced there are two. */
  readonly keys: readonly BrokerKey[];
  readonly permissions?: BrokerPermissions;
}

/** Subjects the gateway listens to besides its inbox: order timelines that grew, products that it may have kept and that changed. */
const gatewayListensTo = ['live.orders.*', 'live.products.*', 'events.products.product.>'];

/** Who calls a service: the context map (`rpcEdges`) read backwards. */
export const callersOf = (service: string): readonly Caller[] =>
  Callers.filter((caller) => rpcEdges[caller].some((callee) => callee === service));

/** Where a process gets the answers to its requests. It is per process, so that none can read another's answers. */
export const inboxPrefixOf = (service: string): string => `_INBOX.${service}`;

/**
 * Where a process gets what the broker itself tells it: acknowledgements, messages of its consumers, answers of the JetStream API. No client
 * may publish there, so nobody can speak in the broker's place.
 */
export const jetstreamInboxPrefixOf = (service: string): string => `${inboxPrefixOf(service)}.js`;

/** Whether a service may answer to this reply subject: it is an inbox of one of its callers, and not what the broker talks to. */
export const mayAnswerTo = (service: string, reply: string): boolean =>
  callersOf(service).some(
    (caller) =>
      reply.startsWith(`${inboxPrefixOf(caller)}.`) && !reply.startsWith(`${jetstreamInboxPrefixOf(caller)}.`),
  );

/**
 * Subjects by which a consumer acknowledges what it was delivered: in the form of all servers so far, and in the one that
 * nats-server 2.15 has behind `feature_flags { js_ack_fc_v2: true }`, with domain (`_` is none) and account before the stream. A star in the
 * domain's place would match the old form of other consumers too (`$JS.ACK.<stream>.<other consumer>.<stream>.<consumer>…`).
 */
export const ackSubjectsOf = ({ stream, durable }: ConsumerDefinition): readonly string[] => [
  `$JS.ACK.${stream}.${durable}.>`,
  `$JS.ACK._.*.${stream}.${durable}.>`,
];

/** The users of one account with the least permissions that the context map needs (`rpcEdges`, `eventEdges`), and the admin. */
export function brokerUsers(keys: Readonly<Record<BrokerClient, readonly BrokerKey[]>>): readonly BrokerUser[] {
  return [
    { keys: keys.admin },
    ...Callers.map((caller) => ({ keys: keys[caller], permissions: permissionsOf(caller) })),
  ];
}

/** There is no permission to answer wherever a request says: answers go to the inboxes of the callers. */
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
    ...(produces ? [`events.${caller}.>`, `live.${caller}.>`, ...mayMakeAgain(streamOf(caller))] : []),
    ...(consumed.length > 0 ? deadLetterSubjects(caller) : []),
    ...consumed.flatMap((stream) => [
      `$JS.API.CONSUMER.INFO.${stream}.${caller}`,
      // Without a filter subject behind it: the whole stream or nothing.
      `$JS.API.CONSUMER.CREATE.${stream}.${caller}`,
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${caller}`,
      ...ackSubjectsOf({ stream, durable: caller }),
    ]),
  ];
}

/** To write, read, count and delete its own dead letters, and to make their stream when it is gone. */
function deadLetterSubjects(consumer: Service): readonly string[] {
  const stream = deadLetterStreamOf(consumer);
  return [
    `dlq.${consumer}.>`,
    ...mayMakeAgain(stream),
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
  ];
}

/** To see whether a stream is there and to make it when it is not; to change, empty or delete it takes other subjects. */
const mayMakeAgain = (stream: string): readonly string[] => [
  `$JS.API.STREAM.INFO.${stream}`,
  `$JS.API.STREAM.CREATE.${stream}`,
];

function subscribeSubjects(caller: Caller): readonly string[] {
  return caller === 'gateway' ? gatewayListensTo : [`rpc.${caller}.>`];
}
