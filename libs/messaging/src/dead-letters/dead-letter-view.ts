import { Headers, type DeadLetterConsumer, type DeadLetterDetail, type DeadLetterView } from '@rookery/contracts';
import type { StoredMsg } from '@nats-io/jetstream';
import { CloudEvent, contractOf } from '../events/cloud-event';
import { DeadLetterHeaders } from '../events/dead-letter';
import { parseJson } from '../message/json';
import { headerOf } from '../message/message-context';

/** Names of fields and headers whose values nobody is shown, operators neither. */
const SECRET = /token|password|secret|authorization|cookie|credential|idempotency-key/i;
const BLACKED_OUT = '[redacted]';

/** Bounds of what is shown, so that a page of 100 letters fits into one answer over NATS (1 MiB). */
const MAX_HEADERS = 16;
const MAX_CHARS = 200;
const MAX_DATA_BYTES = 128 * 1024;

const cut = (text: string): string => (text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text);

/** A dead letter as operators see it in a list. */
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

/** The same with the data. */
export function deadLetterDetail(consumer: DeadLetterConsumer, letter: StoredMsg): DeadLetterDetail {
  return { ...deadLetterView(consumer, letter), ...shownData(letter.data) };
}

/** How often the handler had been tried when it became a dead letter. */
export const attemptsOf = ({ header }: StoredMsg): number => countOf(headerOf(header, DeadLetterHeaders.attempts));

function countOf(text: string | undefined): number {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : 0;
}

function originalHeaders({ header }: StoredMsg): Record<string, string> {
  const ours = new Set<string>(Object.values(DeadLetterHeaders));
  return Object.fromEntries(
    [...header]
      .filter(([name]) => !ours.has(name.toLowerCase()) && !name.toLowerCase().startsWith('nats-'))
      .slice(0, MAX_HEADERS)
      .map(([name, values]) => [cut(name), SECRET.test(name) ? BLACKED_OUT : cut(values.join(', '))]),
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
  // A secret in something that cannot be parsed cannot be blacked out either.
  return SECRET.test(bytes.toString('latin1'))
    ? { encoding: 'withheld', data: null }
    : { encoding: 'base64', data: bytes.toString('base64') };
}

/** `parseJson` has bounded the depth. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutSecrets);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, SECRET.test(name) ? BLACKED_OUT : withoutSecrets(field)]),
  );
}
