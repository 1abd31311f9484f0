import type { MessageEvent } from '@nestjs/common';
import { orderNotificationSubject, OrdersRpc, type OrderStatus, type TimelineEntry } from '@rookery/contracts';
import type { Nats, RpcClient } from '@rookery/messaging';
import {
  type AccessLease,
  type Actor,
  DomainError,
  logger,
  type Readiness,
  type RequestContext,
  requireContext,
  runInContext,
} from '@rookery/platform';
import { hasExpired, InvalidToken, leaseEnd } from '@rookery/security';
import { WakeUp } from './wake-up';

/** How long a client waits before it reconnects after a broken stream. */
const RECONNECT_MS = 1_000;
/** Retry-After for a subject with too many streams. */
const RETRY_AFTER_SECONDS = 5;

/** 429: the subject has reached its limit of live streams. */
export class TooManyStreams extends DomainError {
  constructor(limit: number) {
    super({
      status: 429,
      code: 'gateway.too-many-streams',
      title: 'Too many live streams',
      detail: `At most ${limit} live streams may be open at a time. Close another stream first.`,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}

/** Which order to follow, from which position, for whom. */
export interface Follow {
  readonly orderId: string;
  /** Position of the last step the client has; 0 for none. */
  readonly after: number;
  readonly actor: Actor;
  /** How long the caller's token allows the stream to stay open. */
  readonly lease: AccessLease;
  /** Aborted when the response has ended for any reason. */
  readonly signal: AbortSignal;
}

/** Settings of live streams. */
export interface OrderStreamOptions {
  readonly heartbeatMs: number;
  readonly streamsPerSubject: number;
}

interface TimelineRead {
  readonly status: OrderStatus;
  readonly items: readonly TimelineEntry[];
}

/** Live streams of order timelines. */
export class OrderStreams {
  private readonly following = new Set<WakeUp>();
  private readonly countPerSubject = new Map<string, number>();

  constructor(
    private readonly nats: Nats,
    private readonly rpc: RpcClient,
    readiness: Readiness,
    private readonly options: OrderStreamOptions,
  ) {
    // Streams end before the server waits for its open requests: clients reconnect to another replica and resume there.
    readiness.signal.addEventListener('abort', () => {
      for (const wakeUp of this.following) {
        wakeUp.close();
      }
    });
  }

  /**
   * Starts to follow an order. The first read is complete when this resolves, so that a rejection is still a plain problem response.
   * The stream ends after the order's last step, when the client leaves, at shutdown, and when the token expires or would be
   * rejected; with a new token the client resumes.
   * @throws {InvalidToken} when the token has expired (401)
   * @throws {TooManyStreams} when the subject has too many streams (429)
   * @throws {RemoteProblem} the answer of orders (403, 404, 503, 504)
   */
  async open(follow: Follow): Promise<AsyncIterable<MessageEvent>> {
    // New requests have a tolerance for clock differences; a stream would end immediately.
    if (hasExpired(follow.lease)) {
      throw new InvalidToken();
    }
    const wakeUp = this.admit(follow);
    const context = requireContext();
    const first = await this.read(context, follow.orderId, follow.after);
    return this.steps(follow, context, wakeUp, first);
  }

  /** Counts the stream and subscribes, before the first read, so that no change in between is missed. */
  private admit({ orderId, actor, lease, signal }: Follow): WakeUp {
    const subject = `${actor.issuer} ${actor.subject}`;
    const open = this.countPerSubject.get(subject) ?? 0;
    if (open >= this.options.streamsPerSubject) {
      throw new TooManyStreams(this.options.streamsPerSubject);
    }
    this.countPerSubject.set(subject, open + 1);

    const wakeUp = new WakeUp();
    this.following.add(wakeUp);
    const subscription = this.nats.connection.subscribe(orderNotificationSubject(orderId.toLowerCase()), {
      callback: () => {
        wakeUp.notify();
      },
    });
    const leave = (): void => {
      subscription.unsubscribe();
      wakeUp.close();
      this.following.delete(wakeUp);
      this.release(subject);
    };
    leaseEnd(lease, signal).addEventListener('abort', wakeUp.close, { once: true });
    if (signal.aborted) {
      leave();
    } else {
      signal.addEventListener('abort', leave, { once: true });
    }
    return wakeUp;
  }

  private release(subject: string): void {
    const open = this.countPerSubject.get(subject) ?? 0;
    if (open > 1) {
      this.countPerSubject.set(subject, open - 1);
    } else {
      this.countPerSubject.delete(subject);
    }
  }

  private async *steps(
    { orderId, after, lease }: Follow,
    context: RequestContext,
    wakeUp: WakeUp,
    first: TimelineRead,
  ): AsyncGenerator<MessageEvent> {
    let { status, items } = first;
    let position = after;
    // The id keeps the client's position: an event without an id would get one of its own.
    yield { retry: RECONNECT_MS, id: String(position) };
    // Checked after each read too: steps after the token's expiry are not sent.
    while (!hasExpired(lease)) {
      for (const step of items) {
        position = step.position;
        yield { id: String(position), type: step.event, data: step };
      }
      if (status !== 'Pending') {
        yield { id: String(position), type: 'end', data: { status } };
        return;
      }
      const reason = await wakeUp.next(this.options.heartbeatMs);
      if (reason === 'closed') {
        return;
      }
      if (reason === 'elapsed') {
        yield { comment: 'heartbeat' };
      }
      ({ status, items } = await this.readAgain(context, orderId, position));
    }
  }

  /** The next read makes up for a failed one: the client keeps its stream while orders restarts. */
  private async readAgain(context: RequestContext, orderId: string, after: number): Promise<TimelineRead> {
    try {
      return await this.read(context, orderId, after);
    } catch (error) {
      if (!(error instanceof DomainError)) {
        throw error;
      }
      logger.warn({ orderId, code: error.toProblem().code }, 'could not read the timeline for a live stream');
      return { status: 'Pending', items: [] };
    }
  }

  private read(context: RequestContext, orderId: string, after: number): Promise<TimelineRead> {
    // A stream outlives the deadline of its request and must see changes; each read has its own deadline.
    return runInContext({ ...context, deadline: undefined, asksOnce: false }, () =>
      this.rpc.call(OrdersRpc.timeline, { id: orderId, after }),
    );
  }
}
