import type { JsMsg } from '@nats-io/jetstream';
import { z } from 'zod';
import { CORRELATION_ID, type EventContract, eventContracts, type EventMessage, Headers } from '@rookery/contracts';
import { traceIdOf } from '@rookery/platform';
import { parseJson } from '../message/json';
import { headerOf } from '../message/message-context';

/** NATS headers of a CloudEvent (CloudEvents 1.0, NATS protocol binding, binary mode). */
export const CloudEvent = {
  id: 'ce-id',
  type: 'ce-type',
  source: 'ce-source',
  subject: 'ce-subject',
  time: 'ce-time',
  specversion: 'ce-specversion',
  sequence: 'ce-sequence',
  contentType: 'content-type',
} as const;

/** CloudEvents `type` of an event. */
export const eventType = ({ name, version }: Pick<EventContract, 'name' | 'version'>): string =>
  `rookery.${name}.v${version}`;

const contractsBySubject = new Map(eventContracts.map((contract) => [contract.subject, contract]));

/** The contract of a subject, or undefined when this build has no such contract. */
export const contractOf = (subject: string): EventContract | undefined => contractsBySubject.get(subject);

/** Why a message can never be handled, regardless of retries. */
export type Poison = 'unknown-subject' | 'missing-headers' | 'unknown-version' | 'bad-json' | 'too-deep' | 'bad-schema';

const Attributes = z.object({
  id: z.uuid(),
  type: z.string(),
  source: z.string().min(1),
  aggregateId: z.string().min(1).max(200),
  time: z.iso.datetime(),
  specversion: z.string(),
  sequence: z
    .string()
    .regex(/^[1-9][0-9]{0,15}$/)
    .transform(Number),
  correlationId: z.string().regex(CORRELATION_ID),
});

/** Result of `openEvent`: an event, or the reason why the message is unreadable. */
export type OpenedEvent = { readonly event: EventMessage } | { readonly poison: Poison };

/** Reads and validates an event by its contract. Never throws. */
export function openEvent(contract: EventContract, message: Pick<JsMsg, 'headers' | 'data'>): OpenedEvent {
  const opened = openEnvelope(contract, message);
  if ('poison' in opened) {
    return opened;
  }
  const json = parseJson(message.data);
  if (!json.ok) {
    return { poison: json.reason };
  }
  const data = contract.data.safeParse(json.value);
  if (!data.success) {
    return { poison: 'bad-schema' };
  }
  return { event: { ...opened.event, data: data.data } };
}

/** Reads the attributes of an event without handler, as the inbox records them. Its data stays null. */
export function openPassedEvent(contract: EventContract, message: Pick<JsMsg, 'headers'>): OpenedEvent {
  const opened = openEnvelope(contract, message);
  if ('poison' in opened) {
    return opened;
  }
  const { aggregateId, sequence } = opened.event;
  return Recordable.safeParse({ aggregateId, sequence }).success ? opened : { poison: 'missing-headers' };
}

/** Limits of the inbox's columns. */
const Recordable = z.object({ aggregateId: z.uuid(), sequence: z.int32() });

function openEnvelope(contract: EventContract, { headers }: Pick<JsMsg, 'headers'>): OpenedEvent {
  const attributes = Attributes.safeParse({
    id: headerOf(headers, CloudEvent.id),
    type: headerOf(headers, CloudEvent.type),
    source: headerOf(headers, CloudEvent.source),
    aggregateId: headerOf(headers, CloudEvent.subject),
    time: headerOf(headers, CloudEvent.time),
    specversion: headerOf(headers, CloudEvent.specversion),
    sequence: headerOf(headers, CloudEvent.sequence),
    correlationId: headerOf(headers, Headers.correlationId),
  });
  if (!attributes.success) {
    return { poison: 'missing-headers' };
  }
  const { type, specversion, ...envelope } = attributes.data;
  if (type !== eventType(contract) || specversion !== '1.0') {
    return { poison: 'unknown-version' };
  }
  const traceparent = headerOf(headers, Headers.traceparent) ?? null;
  return {
    event: {
      ...envelope,
      name: contract.name,
      version: contract.version,
      causationId: headerOf(headers, Headers.causationId) ?? null,
      traceparent: traceIdOf(traceparent) === null ? null : traceparent,
      data: null,
    },
  };
}
