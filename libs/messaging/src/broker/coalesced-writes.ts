import type { NatsConnection } from '@nats-io/nats-core';

/** The part of the client that writes to the socket. It is not in its types. */
interface Flushing {
  flushPending(): void;
}

const isFlushing = (value: unknown): value is Flushing =>
  typeof value === 'object' && value !== null && 'flushPending' in value && typeof value.flushPending === 'function';

/**
 * Lets the connection write once per turn of the event loop. The client writes at the end of each microtask, so acks and events that come from
 * different asynchronous callers cost a system call each, on both sides: a quarter of a consumer's CPU under load (decision 41). An idle
 * connection writes as soon as before.
 */
export function coalesceWrites(connection: NatsConnection): void {
  const protocol: unknown = 'protocol' in connection ? connection.protocol : undefined;
  if (!isFlushing(protocol)) {
    return;
  }
  const flush = protocol.flushPending.bind(protocol);
  let scheduled = false;
  protocol.flushPending = () => {
    if (!scheduled) {
      scheduled = true;
      setImmediate(() => {
        scheduled = false;
        flush();
      });
    }
  };
}
