import type { PubAck } from '@nats-io/jetstream';

/** A published message is not in the stream, or no trustworthy acknowledgement says that it is. It has to be published again. */
export class NotStored extends Error {
  override readonly name = 'NotStored';
}

/**
 * Verifies that an acknowledgement can come from this stream: it names the stream and a position in it. The broker sends acknowledgements to
 * any reply subject that a publisher names, so that of another stream or another publisher may arrive here.
 * @throws {NotStored} otherwise
 */
export function requireAckOf(stream: string, ack: PubAck): void {
  const { stream: named, seq }: { readonly stream?: unknown; readonly seq?: unknown } = ack;
  if (named !== stream || !Number.isSafeInteger(seq) || ack.seq < 1) {
    throw new NotStored(`the acknowledgement of a message for the stream ${stream} does not come from that stream`);
  }
}

/** Positions of a stream. The broker omits `deleted` when nothing was deleted, contrary to the client's type. */
interface Positions {
  readonly first_seq: number;
  readonly last_seq: number;
  readonly deleted?: readonly number[];
}

/** Whether the stream holds a message at this position. The state must be requested with `deleted_details`. */
export const holds = ({ state }: { readonly state: Positions }, seq: number): boolean =>
  seq >= state.first_seq && seq <= state.last_seq && !(state.deleted ?? []).includes(seq);
