import type { Msg, Subscription } from '@nats-io/nats-core';
import {
  type CustomTransportStrategy,
  type MessageHandler,
  NatsContext,
  RpcException,
  Server,
  Transport,
} from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { Headers, type Problem } from '@rookery/contracts';
import {
  CallRefused,
  Deadline,
  DeadlineExceeded,
  KeyedAnswer,
  logger,
  OVERLOADED,
  problemOfStatus,
  runInContext,
  ServiceUnavailable,
  toProblem,
  uuidv7,
} from '@rookery/platform';
import { DynamicThresholdLimit } from '@rookery/resilience';
import type { Nats } from '../broker/nats';
import { mayReplyTo } from '../broker/permissions';
import { endsWithin, InFlight } from '../concurrency/in-flight';
import { parseJson } from '../message/json';
import { contextOf, headerOf } from '../message/message-context';
import { serveClock } from './peer-clocks';
import { type ReplyPacket, RequestPacket } from './rpc-packet';

/** Time limit of a request without that header. No request gets more than `LONGEST_MS`. */
const DEFAULT_TIME_LEFT_MS = 5_000;
const LONGEST_MS = 60_000;

/** Options of `RpcServer`. */
export interface RpcServerOptions {
  /**
   * Requests handled at a time. One subject may use only as many slots as are free, so that requests that wait for an unresponsive
   * service leave room for others. Further requests get 503 at once instead of waiting past their deadline.
   * @default 256
   */
  readonly maxInFlight?: number;
  /**
   * Longest time that `close` waits for requests in progress, in ms.
   * @default 10_000
   */
  readonly graceMs?: number;
}

/** A reply as it goes over the wire, and its status for logs and metrics. */
interface Answer {
  readonly status: number;
  readonly payload: string;
}

/**
 * Serves requests over the shared connection. Every request gets exactly one reply, a result or a Problem. Handlers run in a RequestContext
 * built from the headers.
 *
 * A request whose reply subject is missing or is not in the inbox of a caller (`rpcEdges`) is dropped and counted; no handler runs. A request
 * without id, without JSON, nested deeper than 20 or past its deadline is rejected. `close` accepts no new requests and finishes those in progress.
 */
export class RpcServer extends Server implements CustomTransportStrategy {
  override readonly transportId = Transport.NATS;
  private readonly nats: Nats;
  private readonly places: DynamicThresholdLimit;
  private readonly graceMs: number;
  private readonly inFlight = new InFlight();
  private subscriptions: readonly Subscription[] = [];

  constructor(nats: Nats, { maxInFlight = 256, graceMs = 10_000 }: RpcServerOptions = {}) {
    super();
    this.nats = nats;
    this.places = new DynamicThresholdLimit(maxInFlight);
    this.graceMs = graceMs;
  }

  async listen(callback: (error?: unknown) => void): Promise<void> {
    try {
      this.subscriptions = [...this.messageHandlers]
        .filter(([, handler]) => handler.isEventHandler !== true)
        .map(([subject, handler]) => this.subscribe(subject, handler))
        .concat(serveClock(this.nats));
      await this.nats.connection.flush();
      callback();
    } catch (error) {
      callback(error);
    }
  }

  async close(): Promise<void> {
    // Draining ends a subscription after it has delivered what the broker already sent.
    const drained = Promise.all(this.subscriptions.map((subscription) => subscription.drain()));
    const finished = drained.then(async () => {
      await this.inFlight.settled();
      await this.nats.connection.flush();
    });
    const clean = await endsWithin(
      this.graceMs,
      finished.catch(() => undefined),
    );
    if (!clean) {
      logger.warn({ unfinished: this.inFlight.size }, 'requests in progress did not end within the grace period');
    }
  }

  /** `Nats` reports the state of the connection. */
  on(): void {}

  unwrap(): never {
    throw new Error('inject Nats instead');
  }

  private subscribe(subject: string, handler: MessageHandler): Subscription {
    this.nats.metrics.rpcServer.expect({ subject });
    this.nats.metrics.rpcServerDropped.inc({ subject }, 0);
    return this.nats.connection.subscribe(subject, {
      queue: this.nats.service,
      callback: (error, message) => {
        if (error !== null) {
          logger.error({ subject, reason: error.message }, 'cannot receive requests on this subject');
          return;
        }
        const { reply = '' } = message;
        if (!mayReplyTo(this.nats.service, reply)) {
          this.nats.metrics.rpcServerDropped.inc({ subject });
          logger.warn({ subject }, 'dropped a request whose reply subject is not the inbox of a caller');
          return;
        }
        this.inFlight.add(this.serve(handler, message));
      },
    });
  }

  /** Never rejects. */
  private async serve(handler: MessageHandler, message: Msg): Promise<void> {
    const started = performance.now();
    const { subject, headers } = message;
    const packet = packetOf(message);
    const deadline = deadlineOf(headerOf(headers, Headers.timeLeft));
    const context = contextOf(headers, { causationId: packet?.id ?? uuidv7(), deadline: deadline ?? Deadline.in(0) });
    await runInContext(context, async () => {
      const { status, payload } = await this.answer(handler, message, packet, deadline);
      try {
        message.respond(payload);
      } catch (error) {
        logger.error({ err: error, subject }, 'could not send a reply');
      }
      const durationMs = performance.now() - started;
      this.nats.metrics.rpcServer.observe({ subject, status: String(status) }, durationMs / 1000);
      logger.info({ subject, status, durationMs: Math.round(durationMs) }, 'request');
    });
  }

  private async answer(
    handler: MessageHandler,
    message: Msg,
    packet: RequestPacket | undefined,
    deadline: Deadline | undefined,
  ): Promise<Answer> {
    const id = packet?.id ?? '';
    if (packet === undefined || deadline === undefined) {
      return refusal(id, noRequest('The message is not a request packet.'));
    }
    if (deadline.hasPassed) {
      return refusal(id, new DeadlineExceeded('The deadline passed before the request was started.'));
    }
    const { subject } = message;
    if (!this.places.tryAcquire(subject)) {
      const detail = 'The service is at its concurrency limit.';
      return refusal(id, new ServiceUnavailable(detail, 1, { code: OVERLOADED }));
    }
    try {
      const returned: unknown = await handler(packet.data, new NatsContext([subject, message.headers]));
      const response: unknown = isObservable(returned)
        ? await lastValueFrom(returned, { defaultValue: undefined })
        : returned;
      const answer = { status: 200, payload: JSON.stringify({ ...answerOf(response), isDisposed: true, id }) };
      return this.fits(answer) ? answer : oversized(id, subject);
    } catch (error) {
      return refusal(id, error);
    } finally {
      this.places.release(subject);
    }
  }

  private fits({ payload }: Answer): boolean {
    const limit = this.nats.connection.info?.max_payload;
    return limit === undefined || Buffer.byteLength(payload) <= limit;
  }
}

function packetOf(message: Msg): RequestPacket | undefined {
  const json = parseJson(message.data);
  if (!json.ok) {
    return undefined;
  }
  const packet = RequestPacket.safeParse(json.value);
  return packet.success && packet.data.pattern === message.subject ? packet.data : undefined;
}

/** The deadline, counted from the arrival; undefined when the header is malformed. */
function deadlineOf(timeLeft: string | undefined): Deadline | undefined {
  if (timeLeft === undefined) {
    return Deadline.in(DEFAULT_TIME_LEFT_MS);
  }
  return /^[0-9]{1,15}$/.test(timeLeft) ? Deadline.in(Math.min(Number(timeLeft), LONGEST_MS)) : undefined;
}

function answerOf(returned: unknown): Pick<ReplyPacket, 'response' | 'replayed'> {
  if (!(returned instanceof KeyedAnswer)) {
    return { response: returned };
  }
  return { response: returned.answer, ...(returned.replayed && { replayed: true }) };
}

const noRequest = (detail: string): CallRefused => new CallRefused('rpc.no-request', { status: 400, detail });

function refusal(id: string, error: unknown): Answer {
  const problem = problemOf(error);
  return { status: problem.status, payload: JSON.stringify({ err: problem, isDisposed: true, id }) };
}

/** The broker would drop the reply and the caller would time out. */
function oversized(id: string, subject: string): Answer {
  logger.error({ subject }, 'the reply exceeds the maximum payload of the broker');
  return refusal(id, problemOfStatus(500));
}

/** RpcProblemFilter turns errors of handlers into Problems. Nest itself throws RpcException, for example when a guard rejects a request. */
function problemOf(error: unknown): Problem {
  return toProblem(error instanceof RpcException ? error.getError() : error);
}
