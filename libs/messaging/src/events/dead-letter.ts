import type { JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/nats-core';
import { deadLetterStreamOf } from '../broker/definitions';
import type { Poison } from './cloud-event';
import { requireAckOf } from './stored-ack';

/** NATS headers of a dead letter in addition to those of the original message. */
export const DeadLetterHeaders = {
  reason: 'dlq-reason',
  attempts: 'dlq-attempts',
  stream: 'dlq-stream',
  streamSequence: 'dlq-sequence',
  originalSubject: 'dlq-subject',
} as const;

/** Reason of a dead letter. */
export type DeadLetterReason = Poison | 'permanent-failure' | 'attempts-exhausted';

/** Subject of a dead letter of a consuming service. */
export const deadLetterSubject = (service: string, originalSubject: string): string =>
  `dlq.${service}.${originalSubject}`;

/**
 * Stores a message as a dead letter: unchanged payload and headers, and the reason. Resolves when the stream has stored it.
 * @throws {NotStored} when the acknowledgement is not from that stream
 */
export async function publishDeadLetter(
  client: JetStreamClient,
  service: string,
  message: JsMsg,
  { reason, attempts }: { readonly reason: DeadLetterReason; readonly attempts: number },
): Promise<void> {
  const headers = newHeaders();
  for (const [name, values] of message.headers ?? []) {
    // Nats-* headers are instructions to the broker. With the original message id the stream would drop it as a duplicate.
    if (!name.toLowerCase().startsWith('nats-')) {
      values.forEach((value) => headers.append(name, value));
    }
  }
  const { stream, streamSequence } = message.info;
  headers.set(DeadLetterHeaders.reason, reason);
  headers.set(DeadLetterHeaders.attempts, String(attempts));
  headers.set(DeadLetterHeaders.stream, stream);
  headers.set(DeadLetterHeaders.streamSequence, String(streamSequence));
  headers.set(DeadLetterHeaders.originalSubject, message.subject);
  const ack = await client.publish(deadLetterSubject(service, message.subject), message.data, {
    headers,
    // The same message may be dead-lettered twice when the ack of the original is lost.
    msgID: `${service}:${stream}:${streamSequence}:${message.timestampNanos}`,
  });
  requireAckOf(deadLetterStreamOf(service), ack);
}
