import { AsyncLocalStorage } from 'node:async_hooks';
import { CORRELATION_ID } from '@rookery/contracts';
import { v7 as uuidv7 } from 'uuid';
import type { Deadline } from './deadline';
import { childTraceparent } from './trace-context';

/** Who a request speaks for, as the verified token says. */
export interface Actor {
  readonly subject: string;
  readonly issuer: string;
  readonly clientId: string | null;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

/** For how long the caller's access token lets an answer go on that stays open. */
export interface AccessLease {
  /** When the token expires (its `exp`), milliseconds since the epoch. */
  readonly expiresAtMs: number;
  /** Whether a new request with the same token would still be let in. */
  holds(): Promise<boolean>;
}

/** Operators see and cancel every customer's orders. */
export function isOperator(actor: Actor | undefined): boolean {
  return actor?.roles.includes('operator') === true;
}

/** What travels with one request, message or event, wherever its code runs. */
export interface RequestContext {
  readonly correlationId: string;
  /** The span of this piece of work (W3C Trace Context). */
  readonly traceparent: string;
  /** After it nobody waits for the answer. */
  readonly deadline?: Deadline | undefined;
  /** Id of the request or event that caused this one. */
  readonly causationId?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Set by the RPC client: the service gave its first answer to the idempotency key again. */
  replayed?: boolean | undefined;
  /** What it asks of a service twice is asked once: a request of HTTP looks at the world once, other work looks again to see what has become of it. */
  readonly asksOnce?: boolean | undefined;
  /** The internal token as it came over NATS; not believed before `InternalTokenGuard` has verified it. Never logged. */
  readonly authorization?: string | undefined;
  /** Set by the guard that verified the token, hence not readonly. */
  actor?: Actor | undefined;
  /** Set together with `actor` at the HTTP edge; for answers that stay open. */
  lease?: AccessLease | undefined;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** The context of the running request, message or event; undefined outside of one. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

/** The context of the running request, message or event; throws outside of one, which is a programming error. */
export function requireContext(): RequestContext {
  const context = storage.getStore();
  if (context === undefined) throw new Error('no request context: run this inside runInContext()');
  return context;
}

/** Runs `work`, and all it starts, in `context`. */
export function runInContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/**
 * The context of work that came from outside: a well-formed correlation id and trace are taken over, anything else is
 * replaced by a new one, so that no caller can put text of his own into logs.
 */
export function contextFrom(incoming: {
  readonly correlationId?: string | undefined;
  readonly traceparent?: string | undefined;
}): Pick<RequestContext, 'correlationId' | 'traceparent'> {
  const { correlationId = '', traceparent } = incoming;
  return {
    correlationId: CORRELATION_ID.test(correlationId) ? correlationId : uuidv7(),
    traceparent: childTraceparent(traceparent),
  };
}
