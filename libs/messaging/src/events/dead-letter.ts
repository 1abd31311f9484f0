import type { JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/nats-core';
import { deadLetterStreamOf } from '../broker/definitions';
import type { Poison } from './cloud-event';
import { requireAckOf } from './stored-ack';

/** NATS headers that a dead letter has besides those of the original message. */
export const DeadLetterHeaders = {
  reason: 'dlq-reason',
  attempts: 'dlq-attempts',
  stream: 'dlq-stream',
  streamSequence: 'dlq-sequence',
  originalSubject: 'dlq-subject',
} as const;

/** Why a message became a dead letter. */
export type DeadLetterReason = Poison | 'permanent-failure' | 'attempts-exhausted';

/** Subject of the dead letters of one consuming service. */
export const deadLetterSubject = (service: string, originalSubject: string): string =>
  `dlq.${service}.${originalSubject}`;

/** Stores a message as a dead letter: payload and headers as they came, and why. Resolves when the stream has it. */
export async function publishDeadLetter(
  client: JetStreamClient,
  service: string,
  message: JsMsg,
  { reason, attempts }: { readonly reason: DeadLetterReason; readonly attempts: number },
): Promise<void> {
  const headers = newHeaders();
  for (const [name, values] of message.headers ?? []) {
    // Nats-* headers are orders to the broker, one of them the message id: the stream would take it for a repetition.
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
    // The same message may get here twice when the ack of the original is lost.
    msgID: `${service}:${stream}:${streamSequence}:${message.timestampNanos}`,
  });
  requireAckOf(deadLetterStreamOf(service), ack);
}
