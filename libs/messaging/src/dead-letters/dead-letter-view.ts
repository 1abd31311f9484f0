import type { StoredMsg } from '@nats-io/jetstream';
import { type DeadLetterConsumer, type DeadLetterDetail, type DeadLetterView, Headers } from '@rookery/contracts';
import { CloudEvent, contractOf } from '../events/cloud-event';
import { DeadLetterHeaders } from '../events/dead-letter';
import { parseJson } from '../message/json';
import { headerOf } from '../message/message-context';

/** Names of fields and headers whose values are never shown, not even to operators. */
const SECRET = /token|password|secret|authorization|cookie|credential|idempotency-key/i;
const REDACTED = '[redacted]';

/** Limits of a view: a page of 100 dead letters fits into one reply over NATS (1 MiB). */
const MAX_HEADERS = 16;
const MAX_CHARS = 200;
const MAX_DATA_BYTES = 128 * 1024;

const cut = (text: string): string => (text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text);

/** A dead letter as a list shows it to operators. */
export function deadLetterView(consumer: DeadLetterConsumer, letter: StoredMsg): DeadLetterView {
  const { header: headers } = letter;
  const shown = (name: string): string | null => {
    const value = headerOf(headers, name);
    return value === undefined ? null : cut(value);
  };
  const originalSubject = headerOf(headers, DeadLetterHeaders.originalSubject) ?? '';
  return {
    id: `${consumer}-${letter.seq}`,
    consumer,
    event: contractOf(originalSubject)?.name ?? null,
    type: shown(CloudEvent.type),
    eventId: shown(CloudEvent.id),
    aggregateId: shown(CloudEvent.subject),
    reason: shown(DeadLetterHeaders.reason) ?? 'unknown',
    attempts: attemptsOf(letter),
    originalSubject: cut(originalSubject),
    originalStream: shown(DeadLetterHeaders.stream) ?? '',
    originalSequence: countOf(headerOf(headers, DeadLetterHeaders.streamSequence)),
    correlationId: shown(Headers.correlationId),
    causationId: shown(Headers.causationId),
    at: letter.time.toISOString(),
    headers: originalHeaders(letter),
  };
}

/** A dead letter with its data. */
export function deadLetterDetail(consumer: DeadLetterConsumer, letter: StoredMsg): DeadLetterDetail {
  return { ...deadLetterView(consumer, letter), ...shownData(letter.data) };
}

/** Number of attempts of the handler before the message became a dead letter. */
export const attemptsOf = ({ header }: StoredMsg): number => countOf(headerOf(header, DeadLetterHeaders.attempts));

function countOf(text: string | undefined): number {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
}

function originalHeaders({ header }: StoredMsg): Record<string, string> {
  const ownHeaders = new Set<string>(Object.values(DeadLetterHeaders));
  return Object.fromEntries(
    [...header]
      .filter(([name]) => !ownHeaders.has(name.toLowerCase()) && !name.toLowerCase().startsWith('nats-'))
      .slice(0, MAX_HEADERS)
      .map(([name, values]) => [cut(name), SECRET.test(name) ? REDACTED : cut(values.join(', '))]),
  );
}

function shownData(data: Uint8Array): Pick<DeadLetterDetail, 'encoding' | 'data'> {
  if (data.byteLength > MAX_DATA_BYTES) {
    return { encoding: 'withheld', data: null };
  }
  const json = parseJson(data);
  if (json.ok) {
    return { encoding: 'json', data: withoutSecrets(json.value) };
  }
  const bytes = Buffer.from(data);
  // In a payload that cannot be parsed, a secret cannot be redacted.
  return SECRET.test(bytes.toString('latin1'))
    ? { encoding: 'withheld', data: null }
    : { encoding: 'base64', data: bytes.toString('base64') };
}

/** `parseJson` has limited the depth of the recursion. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutSecrets);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, SECRET.test(name) ? REDACTED : withoutSecrets(field)]),
  );
}
