import type { PubAck } from '@nats-io/jetstream';

/** What was published is not in the stream, or nobody says so who can know it. It is to be published again. */
export class NotStored extends Error {
  override readonly name = 'NotStored';
}

/**
 * Throws `NotStored` unless the acknowledgement is one that this stream can give: it names the stream and a position in it. The broker sends
 * one to whatever reply subject a publisher names, so also that of another stream, and of another publisher, may come.
 */
export function requireAckOf(stream: string, ack: PubAck): void {
  const { stream: named, seq }: { readonly stream?: unknown; readonly seq?: unknown } = ack;
  if (named !== stream || !Number.isSafeInteger(seq) || ack.seq < 1) {
    throw new NotStored(`what acknowledged a message for the stream ${stream} is not that stream`);
  }
}

/** Which positions a stream has; `deleted` is left out where nothing was deleted, whatever the client's type says. */
interface Positions {
  readonly first_seq: number;
  readonly last_seq: number;
  readonly deleted?: readonly number[];
}

/** Whether the stream has a message at this position; it was told with `deleted_details`. */
export const holds = ({ state }: { readonly state: Positions }, seq: number): boolean =>
  seq >= state.first_seq && seq <= state.last_seq && !(state.deleted ?? []).includes(seq);
