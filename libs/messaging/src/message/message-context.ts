import type { MsgHdrs } from '@nats-io/nats-core';
import { Headers } from '@rookery/contracts';
import { contextFrom, type Deadline, type RequestContext } from '@rookery/platform';

/** The value of a header; undefined when it is missing or empty. */
export function headerOf(headers: MsgHdrs | undefined, name: string): string | undefined {
  const value = headers?.get(name);
  return value === '' ? undefined : value;
}

/** The context in which a message is handled: the values of its headers, with the given id as the cause of all effects. */
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
