import type { MessageEvent } from '@nestjs/common';
import { orderNotificationSubject, OrdersRpc, type OrderStatus, type TimelineEntry } from '@rookery/contracts';
import type { Nats, RpcClient } from '@rookery/messaging';
import {
  DomainError,
  logger,
  requireContext,
  runInContext,
  type AccessLease,
  type Actor,
  type Readiness,
  type RequestContext,
} from '@rookery/platform';
import { hasExpired, InvalidToken, leaseEnd } from '@rookery/security';
import { WakeUp } from './wake-up';

/** How long a client waits before it connects again after a stream broke. */
const RECONNECT_MS = 1_000;
/** When a subject that has too many streams may try again. */
const RETRY_AFTER_SECONDS = 5;

/** The subject has as many live streams as it may have. */
export class TooManyStreams extends DomainError {
  constructor(limit: number) {
    super({
      status: 429,
      code: 'gateway.too-many-streams',
      title: 'Too many live streams',
      detail: `At most ${limit} live streams may be open at a time. Close one first.`,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}

/** Who follows which order, from where. */
export interface Follow {
  readonly orderId: string;
  /** Position of the last step the client has; 0 for none. */
  readonly after: number;
  readonly actor: Actor;
  /** How long the caller's token lets the stream go on. */
  readonly lease: AccessLease;
  /** Aborted when the answer has ended, however it did. */
  readonly signal: AbortSignal;
}

/** How live streams behave. */
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
    // Clients go before the server waits for its open requests: they connect again elsewhere and go on where they were.
    readiness.signal.addEventListener('abort', () => {
      for (const wakeUp of this.following) wakeUp.close();
    });
  }

  /**
   * Starts following an order. The first read is done when this resolves, so that a refusal is still a plain problem answer.
   * The stream ends after the step that ended the order, when the client leaves, at shutdown, and when the token expires or would no longer be
   * let in: with a new one the client goes on where it was.
   * @throws InvalidToken (401) when the token has expired, TooManyStreams (429) and what orders answers (403, 404, 503, 504)
   */
  async open(follow: Follow): Promise<AsyncIterable<MessageEvent>> {
    // New requests have some tolerance for clocks that differ; a stream would end at once.
    if (hasExpired(follow.lease)) throw new InvalidToken();
    const wakeUp = this.admit(follow);
    const context = requireContext();
    const first = await this.read(context, follow.orderId, follow.after);
    return this.steps(follow, context, wakeUp, first);
  }

  /** Takes one of the subject's places and subscribes; before the first read, so that what happens in between is not missed. */
  private admit({ orderId, actor, lease, signal }: Follow): WakeUp {
    const subject = `${actor.issuer} ${actor.subject}`;
    const open = this.countPerSubject.get(subject) ?? 0;
    if (open >= this.options.streamsPerSubject) throw new TooManyStreams(this.options.streamsPerSubject);
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
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    return wakeUp;
  }

  private release(subject: string): void {
    const open = this.countPerSubject.get(subject) ?? 0;
    if (open > 1) this.countPerSubject.set(subject, open - 1);
    else this.countPerSubject.delete(subject);
  }

  private async *steps(
    { orderId, after, lease }: Follow,
    context: RequestContext,
    wakeUp: WakeUp,
    first: TimelineRead,
  ): AsyncGenerator<MessageEvent> {
    let { status, items } = first;
    let position = after;
    // The id keeps the client's position: an event without one would be given a number of its own.
    yield { retry: RECONNECT_MS, id: String(position) };
    // Looked at after each read as well: what happened after the token's end is not told.
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
      if (reason === 'closed') return;
      if (reason === 'elapsed') yield { comment: 'heartbeat' };
      ({ status, items } = await this.readAgain(context, orderId, position));
    }
  }

  /** A read that fails is made up for by the next one: the client keeps its stream while orders restarts. */
  private async readAgain(context: RequestContext, orderId: string, after: number): Promise<TimelineRead> {
    try {
      return await this.read(context, orderId, after);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      logger.warn({ orderId, code: error.toProblem().code }, 'could not read the timeline for a live stream');
      return { status: 'Pending', items: [] };
    }
  }

  private read(context: RequestContext, orderId: string, after: number): Promise<TimelineRead> {
    // A stream outlives its request's deadline, and reads to see what is new; each read has a deadline of its own.
    return runInContext({ ...context, deadline: undefined, asksOnce: false }, () =>
      this.rpc.call(OrdersRpc.timeline, { id: orderId, after }),
    );
  }
}
