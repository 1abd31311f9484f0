import { Headers } from '@rookery/contracts';
import { contextFrom, type Deadline, type RequestContext } from '@rookery/platform';
import type { MsgHdrs } from '@nats-io/nats-core';

/** A header's value if there is one. */
export function headerOf(headers: MsgHdrs | undefined, name: string): string | undefined {
  const value = headers?.get(name);
  return value === '' ? undefined : value;
}

/** The context a message is handled in: what its headers say, and the given id as the cause of all that follows. */
export function contextOf(
  headers: MsgHdrs | undefined,
  { causationId, deadline }: { readonly causationId: string; readonly deadline: Deadline },
): RequestContext {
  return {
    ...contextFrom({
      correlationId: headerOf(headers, Headers.correlationId),
      traceparent: headerOf(headers, Headers.traceparent),
    }),
    deadline,
    causationId,
    idempotencyKey: headerOf(headers, Headers.idempotencyKey),
    authorization: headerOf(headers, Headers.authorization),
  };
}
