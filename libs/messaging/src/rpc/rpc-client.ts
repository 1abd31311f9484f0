import {
  CallRefusals,
  Callers,
  Headers,
  rpcEdges,
  type Problem,
  type RpcContract,
  type Service,
} from '@rookery/contracts';
import {
  childTraceparent,
  currentContext,
  Deadline,
  DeadlineExceeded,
  logger,
  RemoteProblem,
  ServiceUnavailable,
  toProblem,
  uuidv7,
  type RequestContext,
} from '@rookery/platform';
import { deadlineForNextHop, Dependency, NoResponder, RefusedCall } from '@rookery/resilience';
import { InternalTokenIssuer } from '@rookery/security';
import { headers as newHeaders, NoRespondersError, TimeoutError, type Msg, type MsgHdrs } from '@nats-io/nats-core';
import { Injectable, Optional } from '@nestjs/common';
import type { z } from 'zod';
import { parseJson } from '../message/json';
import { Nats } from '../broker/nats';
import { ReplyInbox } from './reply-inbox';
import { ReplyPacket } from './rpc-packet';

const DEFAULT_TIMEOUT_MS = 5_000;

/** What a call carries on and must end by. */
interface Limits {
  readonly context: RequestContext | undefined;
  readonly deadline: Deadline;
}

/**
 * Calls other services. Each call ends before its deadline: with the answer as the contract describes it, with the
 * Problem the service answered (`RemoteProblem`), with `ServiceUnavailable` when nobody took it, it was not sent, or the service refused
 * this process and not whoever asked it (nothing happened), or with `DeadlineExceeded` (it may have happened). Each service called is one `Dependency`: behind one circuit breaker and one
 * bulkhead, whatever is asked of it. Queries that nobody took are sent once more, as long as these are few. What a request of HTTP
 * asks twice is asked once, until it changes something itself.
 */
@Injectable()
export class RpcClient {
  private readonly dependencies = new Map<Service, Dependency>();
  /** What each request of HTTP in hand has asked, by subject and body. */
  private readonly asked = new WeakMap<RequestContext, Map<string, Promise<unknown>>>();
  private readonly inbox: ReplyInbox;

  constructor(
    private readonly nats: Nats,
    /** Absent in services that call none. */
    @Optional() private readonly tokens?: InternalTokenIssuer,
  ) {
    this.inbox = new ReplyInbox(nats);
    // At the start, so that their series begin at 0 and not with the first failure.
    const caller = Callers.find((name) => name === nats.service);
    for (const service of caller === undefined ? [] : rpcEdges[caller]) this.dependencyOf(service);
  }

  /**
   * Sends a request in the running context: its correlation id, trace, actor and idempotency key. It ends by the earlier of its deadline
   * and `timeoutMs` (5 s) from now; the service is given a little less, and nothing is sent when too little is left.
   */
  async call<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    body: z.input<Request>,
    { timeoutMs = DEFAULT_TIMEOUT_MS }: { readonly timeoutMs?: number } = {},
  ): Promise<z.output<Response>> {
    const started = performance.now();
    const context = currentContext();
    const timeout = Deadline.in(timeoutMs);
    const limits = { context, deadline: Deadline.earliest(timeout, context?.deadline) ?? timeout };
    let status = 200;
    try {
      // The connection would keep the request in a buffer and send it after its caller has gone.
      if (!this.nats.connected) throw new ServiceUnavailable();
      return await this.send(contract, body, limits);
    } catch (error) {
      status = toProblem(error).status;
      throw error;
    } finally {
      const seconds = (performance.now() - started) / 1000;
      this.nats.metrics.rpcClient.observe({ subject: contract.subject, status: String(status) }, seconds);
    }
  }

  /** What was asked already takes no place at the dependency, and tells its breaker nothing. */
  private async send<Response extends z.ZodType>(
    contract: RpcContract<z.ZodType, Response>,
    body: unknown,
    limits: Limits,
  ): Promise<z.output<Response>> {
    const { context } = limits;
    if (context?.asksOnce !== true) return this.ask(contract, body, limits);
    const asked = this.asked.get(context) ?? new Map<string, Promise<unknown>>();
    this.asked.set(context, asked);
    if (contract.kind === 'command') {
      asked.clear();
      return this.ask(contract, body, limits).finally(() => asked.clear());
    }
    const question = JSON.stringify([contract.subject, body]);
    const known = asked.get(question);
    if (known !== undefined) return contract.response.parse(await known);
    const answer = this.ask(contract, body, limits);
    asked.set(question, answer);
    answer.catch(() => asked.delete(question));
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
    if (known !== undefined) return known;
    const dependency = new Dependency(service, this.nats.metrics);
    this.dependencies.set(service, dependency);
    return dependency;
  }

  /** One request and its answer. */
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
    if (replayed && context !== undefined) context.replayed = true;
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
    // Last, as it is read when all else is done.
    headers.set(Headers.timeLeft, String(Math.max(0, Math.floor(deadline.msLeft))));
    return headers;
  }
}

function failureOf(error: unknown, dependency: Service, subject: string): Error {
  if (error instanceof TimeoutError) return new DeadlineExceeded(undefined, { dependency });
  if (error instanceof NoRespondersError) return new NoResponder(dependency);
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
    throw new Error(`${contract.subject} answered with something that is no answer`);
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

const callRefusals: readonly string[] = CallRefusals;

/** What a service refuses this process for, its token or its release, is no fault of whoever asked: 503, and somebody has to look at it. */
function refusalOf(problem: Problem, { service, subject }: RpcContract): Error {
  const cause = new RemoteProblem(problem, service);
  if (!callRefusals.includes(problem.code)) return cause;
  const { code, detail, errors } = problem;
  const where = errors?.map(({ pointer }) => pointer);
  logger.error({ subject, service, code, detail, where }, 'a service refused this process');
  return new RefusedCall(service, { cause });
}
