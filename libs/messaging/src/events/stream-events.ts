import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import type { EventMessage, Service } from '@rookery/contracts';
import { streamOf } from '../broker/definitions';
import { contractOf, openEvent } from './cloud-event';

/** Messages that are fetched at a time. */
const BATCH = 500;
const FETCH_TIMEOUT_MS = 2_000;

/** An event as the stream holds it. */
export type StreamEvent = EventMessage & { readonly subject: string };

/** One message of a stream: its sequence number, and its event unless this release cannot read it. */
export interface StreamMessage {
  readonly sequence: number;
  readonly event: StreamEvent | undefined;
}

/**
 * Reads all messages of a producer's stream, oldest first, up to the newest one at the start. Requires the broker's admin.
 * @throws {Error} when the stream ends before that message
 */
export async function* streamEvents(admin: NatsConnection, producer: Service): AsyncGenerator<StreamMessage> {
  const stream = streamOf(producer);
  const { state } = await (await jetstreamManager(admin)).streams.info(stream);
  if (state.messages === 0) {
    return;
  }
  const consumer = await jetstream(admin).consumers.get(stream);
  try {
    for (let reached = 0; reached < state.last_seq;) {
      const before = reached;
      for await (const message of await consumer.fetch({ max_messages: BATCH, expires: FETCH_TIMEOUT_MS })) {
        reached = message.seq;
        const contract = contractOf(message.subject);
        const opened = contract === undefined ? undefined : openEvent(contract, message);
        const event =
          opened !== undefined && 'event' in opened ? { ...opened.event, subject: message.subject } : undefined;
        yield { sequence: message.seq, event };
        if (reached >= state.last_seq) {
          break;
        }
      }
      if (reached === before) {
        throw new Error(`the stream ${stream} ended at ${reached}, before ${state.last_seq}`);
      }
    }
  } finally {
    // Otherwise the consumer would stay for another five minutes, with pending messages.
    await consumer.delete();
  }
}
