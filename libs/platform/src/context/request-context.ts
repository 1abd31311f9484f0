import { AsyncLocalStorage } from 'node:async_hooks';
import { CORRELATION_ID } from '@rookery/contracts';
import { uuidv7 } from '../uuid';
import type { Deadline } from './deadline';
import { childTraceparent } from './trace-context';

/** The authenticated subject of a request, from the verified token. */
export interface Actor {
  readonly subject: string;
  readonly issuer: string;
  readonly clientId: string | null;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
}

/** How long the caller's access token allows a streaming response to continue. */
export interface AccessLease {
  /** When the token expires (its `exp`), milliseconds since the epoch. */
  readonly expiresAtMs: number;
  /** Whether a new request with the same token would still be admitted. */
  holds(): Promise<boolean>;
}

/** Operators may see and cancel every customer's orders. */
export function isOperator(actor: Actor | undefined): boolean {
  return actor?.roles.includes('operator') === true;
}

/** The context of one request, message or event, available wherever its code runs. */
export interface RequestContext {
  readonly correlationId: string;
  /** The span of this work (W3C Trace Context). */
  readonly traceparent: string;
  /** After it the caller has stopped waiting. */
  readonly deadline?: Deadline | undefined;
  /** Id of the request or event that caused this one. */
  readonly causationId?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  /** Set by the RPC client: the service replayed the first answer to the idempotency key. */
  replayed?: boolean | undefined;
  /** Identical queries are sent once: an HTTP request sees one state of the world, other work must see changes. */
  readonly asksOnce?: boolean | undefined;
  /** The internal token as received over NATS; untrusted until `InternalTokenGuard` has verified it. Never logged. */
  readonly authorization?: string | undefined;
  /** Set by the guard that verified the token, hence not readonly. */
  actor?: Actor | undefined;
  /** Set together with `actor` at the HTTP edge; for streaming responses. */
  lease?: AccessLease | undefined;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** The context of the running request, message or event; undefined outside one. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}

/**
 * The context of the running request, message or event.
 * @throws {Error} outside one, which is a programming error
 */
export function requireContext(): RequestContext {
  const context = storage.getStore();
  if (context === undefined) {
    throw new Error('no request context: run this inside runInContext()');
  }
  return context;
}

/** Runs `work`, and all it starts, in `context`. */
export function runInContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/**
 * The context of inbound work: a well-formed correlation id and trace are adopted, anything else is
 * replaced, so that callers cannot inject text into logs.
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
