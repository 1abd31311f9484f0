import { headers as newHeaders, type Msg, type MsgHdrs, NoRespondersError, TimeoutError } from '@nats-io/nats-core';
import { Injectable, Optional } from '@nestjs/common';
import type { z } from 'zod';
import {
  Callers,
  CallRefusals,
  Headers,
  type Problem,
  type RpcContract,
  rpcEdges,
  type Service,
} from '@rookery/contracts';
import {
  childTraceparent,
  currentContext,
  Deadline,
  DeadlineExceeded,
  logger,
  RemoteProblem,
  type RequestContext,
  ServiceUnavailable,
  toProblem,
  uuidv7,
} from '@rookery/platform';
import { deadlineForNextHop, Dependency, NoResponder, RefusedCall } from '@rookery/resilience';
import { InternalTokenIssuer } from '@rookery/security';
import { Nats } from '../broker/nats';
import { parseJson } from '../message/json';
import { ReplyInbox } from './reply-inbox';
import { ReplyPacket } from './rpc-packet';

/** Of a call outside of a request, which has no deadline. */
const DEFAULT_TIMEOUT_MS = 5_000;

/** Context and deadline of a call. */
interface Limits {
  readonly context: RequestContext | undefined;
  readonly deadline: Deadline;
}

/**
 * Calls other services. A call ends before its deadline in one of four ways:
 * - with the response of the contract,
 * - with the Problem that the service returned (`RemoteProblem`),
 * - with `ServiceUnavailable` when nothing happened: no service received the request, or it rejected this process rather than the actor,
 * - with `DeadlineExceeded` when the effect is unknown.
 *
 * Each called service is one `Dependency` with one circuit breaker and one bulkhead for all its contracts. A query without responder is
 * retried once, within the retry budget. Equal queries of one HTTP request are deduplicated until that request sends a command.
 *
 * @example
 * const order = await rpc.call(getOrder, { id });
 */
@Injectable()
export class RpcClient {
  private readonly dependencies = new Map<Service, Dependency>();
  /** The queries of each HTTP request in progress, by subject and body. */
  private readonly queries = new WeakMap<RequestContext, Map<string, Promise<unknown>>>();
  private readonly inbox: ReplyInbox;

  constructor(
    private readonly nats: Nats,
    /** Absent in services that call no other. */
    @Optional() private readonly tokens?: InternalTokenIssuer,
  ) {
    this.inbox = new ReplyInbox(nats);
    // Created at start, so that their metrics begin at 0 and not with the first failure.
    const caller = Callers.find((name) => name === nats.service);
    for (const service of caller === undefined ? [] : rpcEdges[caller]) {
      this.dependencyOf(service);
    }
  }

  /**
   * Sends a request with the correlation id, trace, actor and idempotency key of the current context. It ends at the deadline of the context or
   * after `timeoutMs`, whichever comes first, and after 5 s when there is neither. The service gets slightly less time. Nothing is sent when too
   * little time is left.
   * @throws {RemoteProblem} the Problem that the service returned
   * @throws {ServiceUnavailable} when nothing happened
   * @throws {DeadlineExceeded} when the effect is unknown
   */
  async call<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    body: z.input<Request>,
    { timeoutMs }: { readonly timeoutMs?: number } = {},
  ): Promise<z.output<Response>> {
    const started = performance.now();
    const context = currentContext();
    const timeout = timeoutMs === undefined ? undefined : Deadline.in(timeoutMs);
    const deadline = Deadline.earliest(timeout, context?.deadline) ?? Deadline.in(DEFAULT_TIMEOUT_MS);
    const limits = { context, deadline };
    let status = 200;
    try {
      // The connection would buffer the request and send it after its caller has gone.
      if (!this.nats.connected) {
        throw new ServiceUnavailable();
      }
      return await this.send(contract, body, limits);
    } catch (error) {
      status = toProblem(error).status;
      throw error;
    } finally {
      const seconds = (performance.now() - started) / 1000;
      this.nats.metrics.rpcClient.observe({ subject: contract.subject, status: String(status) }, seconds);
    }
  }

  /** A deduplicated query uses no bulkhead slot and is not counted by the breaker. */
  private async send<Response extends z.ZodType>(
    contract: RpcContract<z.ZodType, Response>,
    body: unknown,
    limits: Limits,
  ): Promise<z.output<Response>> {
    const { context } = limits;
    if (context?.asksOnce !== true) {
      return this.ask(contract, body, limits);
    }
    const queries = this.queries.get(context) ?? new Map<string, Promise<unknown>>();
    this.queries.set(context, queries);
    if (contract.kind === 'command') {
      queries.clear();
      return this.ask(contract, body, limits).finally(() => queries.clear());
    }
    const query = JSON.stringify([contract.subject, body]);
    const known = queries.get(query);
    if (known !== undefined) {
      return contract.response.parse(await known);
    }
    const answer = this.ask(contract, body, limits);
    queries.set(query, answer);
    answer.catch(() => queries.delete(query));
    return answer;
  }

  private ask<Response extends z.ZodType>(
    contract: RpcContract<z.ZodType, Response>,
    body: unknown,
    { context, deadline }: Limits,
  ): Promise<z.output<Response>> {
    return this.dependencyOf(contract.service).call((until) => this.exchange(contract, body, context, until), {
      kind: contract.subject,
      repeatable: contract.kind === 'query',
      deadline,
    });
  }

  private dependencyOf(service: Service): Dependency {
    const known = this.dependencies.get(service);
    if (known !== undefined) {
      return known;
    }
    const dependency = new Dependency(service, this.nats.metrics);
    this.dependencies.set(service, dependency);
    return dependency;
  }

  /** One request and its reply. */
  private async exchange<Response extends z.ZodType>(
    contract: RpcContract<z.ZodType, Response>,
    body: unknown,
    context: RequestContext | undefined,
    deadline: Deadline,
  ): Promise<z.output<Response>> {
    const { service, subject } = contract;
    const headers = await this.headersFor(contract, context, deadlineForNextHop(deadline));
    const id = uuidv7();
    const payload = JSON.stringify({ pattern: subject, data: body, id });
    const message = await this.inbox
      .request(subject, payload, { timeoutMs: Math.max(1, Math.ceil(deadline.msLeft)), headers })
      .catch((error: unknown) => {
        throw failureOf(error, service, subject);
      });
    const { response, replayed } = answerOf(contract, message, id);
    if (replayed && context !== undefined) {
      context.replayed = true;
    }
    return response;
  }

  private async headersFor(
    contract: RpcContract,
    context: RequestContext | undefined,
    deadline: Deadline,
  ): Promise<MsgHdrs> {
    const headers = newHeaders();
    headers.set(Headers.correlationId, context?.correlationId ?? uuidv7());
    headers.set(Headers.traceparent, childTraceparent(context?.traceparent));
    if (this.tokens !== undefined) {
      headers.set(Headers.authorization, await this.tokens.sign(contract.service, context?.actor));
    }
    if (context?.idempotencyKey !== undefined) {
      headers.set(Headers.idempotencyKey, context.idempotencyKey);
    }
    // Last, because the time runs while the other headers are computed.
    headers.set(Headers.timeLeft, String(Math.max(0, Math.floor(deadline.msLeft))));
    return headers;
  }
}

function failureOf(error: unknown, dependency: Service, subject: string): Error {
  if (error instanceof TimeoutError) {
    return new DeadlineExceeded(undefined, { dependency });
  }
  if (error instanceof NoRespondersError) {
    return new NoResponder(dependency);
  }
  logger.error({ err: error, subject }, 'could not send a request');
  return new ServiceUnavailable(undefined, 1, { dependency });
}

function answerOf<Response extends z.ZodType>(
  contract: RpcContract<z.ZodType, Response>,
  message: Msg,
  id: string,
): { readonly response: z.output<Response>; readonly replayed: boolean } {
  const json = parseJson(message.data);
  const reply = ReplyPacket.safeParse(json.ok ? json.value : undefined);
  if (!reply.success || reply.data.id !== id) {
    throw new Error(`${contract.subject} replied with something that is not a reply packet`);
  }
  if (reply.data.err !== undefined) {
    throw refusalOf(reply.data.err, contract);
  }
  const response = contract.response.safeParse(reply.data.response);
  if (!response.success) {
    const where = response.error.issues.map((issue) => issue.path.join('/')).join(', ');
    throw new Error(`the answer of ${contract.subject} breaks its contract at ${where}`);
  }
  return { response: response.data, replayed: reply.data.replayed === true };
}

const CALL_REFUSALS: readonly string[] = CallRefusals;

/** A service that rejects this process (its token or its release) does not reject the actor: the caller gets 503, and the log an error. */
function refusalOf(problem: Problem, { service, subject }: RpcContract): Error {
  const cause = new RemoteProblem(problem, service);
  if (!CALL_REFUSALS.includes(problem.code)) {
    return cause;
  }
  const { code, detail, errors } = problem;
  const where = errors?.map(({ pointer }) => pointer);
  logger.error({ subject, service, code, detail, where }, 'a service rejected this process');
  return new RefusedCall(service, { cause });
}
