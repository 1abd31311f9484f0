import type { z } from 'zod';
import {
  type EventContract,
  eventContracts,
  eventEdges,
  type Idempotency,
  isKeyed,
  Problem,
  type RpcContract,
  rpcContracts,
  rpcEdges,
} from '@rookery/contracts';
import { toComponentSchema } from '../openapi/schema-converter';

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>;

/** The part of the document for one contract. */
interface Part {
  readonly channels: Json;
  readonly operations: Json;
  readonly messages: Json;
}

/**
 * The AsyncAPI 3.0 document of all messages over NATS: requests with their replies, and events. Generated from the contracts alone,
 * so it cannot differ from the services.
 */
export function asyncApiDocument(): Json {
  const schemas: Record<string, unknown> = {};
  const schemaOf = (schema: z.ZodType): unknown => {
    const { schema: root, components } = toComponentSchema(schema);
    Object.assign(schemas, components);
    return root;
  };
  const parts = [
    ...rpcContracts.map((contract) => describeRpc(contract, schemaOf)),
    ...eventContracts.map((contract) => describeEvent(contract, schemaOf)),
  ];
  schemaOf(Problem);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Rookery over NATS',
      version: '1.0.0',
      description:
        'Requests between the services (`rpc.<service>.<verb>`: NATS request/reply, queue group = service) and the events they publish (`events.<service>.<aggregate>.<fact>.v<n>`: JetStream, CloudEvents 1.0 in binary mode).',
    },
    defaultContentType: 'application/json',
    servers: {
      nats: {
        host: 'localhost:4223',
        protocol: 'nats',
        description: 'One user per service with the least permissions',
      },
    },
    channels: merged(parts.map((part) => part.channels)),
    operations: merged(parts.map((part) => part.operations)),
    components: {
      messages: merged(parts.map((part) => part.messages)),
      schemas: Object.fromEntries(Object.entries(schemas).sort(([one], [other]) => one.localeCompare(other, 'en'))),
    },
  };
}

function describeRpc(contract: RpcContract, schemaOf: (schema: z.ZodType) => unknown): Part {
  const { subject, service, kind, idempotency, scopes, summary } = contract;
  const callers = Object.entries(rpcEdges).flatMap(([caller, callees]) => (callees.includes(service) ? [caller] : []));
  const [request, reply] = [`${subject}.request`, `${subject}.reply`];
  return {
    channels: {
      [subject]: {
        address: subject,
        description: `Called by ${callers.join(', ')}.`,
        messages: { request: messageRef(request) },
      },
      [reply]: { address: null, description: 'The caller’s inbox.', messages: { reply: messageRef(reply) } },
    },
    operations: {
      [subject]: {
        action: 'receive',
        channel: { $ref: `#/channels/${subject}` },
        summary,
        description: `A ${kind}: ${repeats[idempotency]}.${
          scopes.length === 0 ? '' : ` Needs the scopes ${scopes.join(', ')}.`
        }`,
        bindings: { nats: { queue: service } },
        messages: [{ $ref: `#/channels/${subject}/messages/request` }],
        reply: {
          address: { location: '$message.header#/reply' },
          channel: { $ref: `#/channels/${reply}` },
          messages: [{ $ref: `#/channels/${reply}/messages/reply` }],
        },
      },
    },
    messages: {
      [request]: {
        name: request,
        title: summary,
        headers: isKeyed(contract) ? keyedRpcHeaders : rpcHeaders,
        payload: {
          type: 'object',
          properties: { pattern: { const: subject }, id: { type: 'string' }, data: schemaOf(contract.request) },
          required: ['pattern', 'id', 'data'],
        },
      },
      [reply]: {
        name: reply,
        title: `Response to ${subject}`,
        payload: {
          type: 'object',
          properties: {
            id: { type: 'string' },
            isDisposed: { const: true },
            response: schemaOf(contract.response),
            err: { $ref: '#/components/schemas/Problem' },
          },
          required: ['id', 'isDisposed'],
        },
      },
    },
  };
}

function describeEvent(contract: EventContract, schemaOf: (schema: z.ZodType) => unknown): Part {
  const { subject, name, version, producer, summary } = contract;
  const consumers = Object.entries(eventEdges).flatMap(([consumer, producers]) =>
    producers.some((consumed) => consumed === producer) ? [consumer] : [],
  );
  const message = `${name}.v${version}`;
  return {
    channels: {
      [subject]: {
        address: subject,
        description: `In the stream ${producer.toUpperCase()}. Consumers: ${consumers.join(', ')}.`,
        messages: { event: messageRef(message) },
      },
    },
    operations: {
      [subject]: {
        action: 'send',
        channel: { $ref: `#/channels/${subject}` },
        summary,
        messages: [{ $ref: `#/channels/${subject}/messages/event` }],
      },
    },
    messages: {
      [message]: {
        name: message,
        title: summary,
        contentType: 'application/json',
        headers: eventHeaders(`rookery.${message}`, producer),
        payload: schemaOf(contract.data),
      },
    },
  };
}

const TEXT = { type: 'string' } as const;

const rpcHeaders = {
  type: 'object',
  properties: {
    authorization: { ...TEXT, description: 'Internal JWT for the called service, valid for a minute' },
    'x-correlation-id': TEXT,
    traceparent: TEXT,
    'x-time-left-ms': {
      ...TEXT,
      pattern: '^[0-9]{1,15}$',
      description: 'Milliseconds for which the caller still waits, counted from the arrival of the request',
    },
    'idempotency-key': TEXT,
  },
  required: ['authorization', 'x-correlation-id'],
} as const;

const keyedRpcHeaders = { ...rpcHeaders, required: [...rpcHeaders.required, 'idempotency-key'] } as const;

/** The effect of a request that arrives twice. */
const repeats: Readonly<Record<Idempotency, string>> = {
  safe: 'changes nothing and may be retried',
  key: 'sent once; takes effect once per idempotency key, for 24 hours',
  version: 'sent once; takes effect only on the version that it names',
  natural: 'sent once; a repetition has no further effect',
};

const eventHeaders = (type: string, source: string) => ({
  type: 'object',
  properties: {
    'ce-id': { ...TEXT, format: 'uuid', description: 'Also the Nats-Msg-Id' },
    'ce-specversion': { const: '1.0' },
    'ce-type': { const: type },
    'ce-source': { const: source },
    'ce-subject': { ...TEXT, description: 'Id of the aggregate; events of one aggregate keep their order' },
    'ce-time': { ...TEXT, format: 'date-time' },
    'ce-sequence': { ...TEXT, description: 'Position among the aggregate’s events, from 1' },
    'x-correlation-id': TEXT,
    'x-causation-id': TEXT,
    traceparent: TEXT,
  },
  required: [
    'ce-id',
    'ce-specversion',
    'ce-type',
    'ce-source',
    'ce-subject',
    'ce-time',
    'ce-sequence',
    'x-correlation-id',
  ],
});

const messageRef = (name: string) => ({ $ref: `#/components/messages/${name}` });

const merged = (parts: readonly Json[]): Json => Object.fromEntries(parts.flatMap((part) => Object.entries(part)));
