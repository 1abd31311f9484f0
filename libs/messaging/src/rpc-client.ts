import { Headers, type RpcContract } from '@rookery/contracts';
import {
  childTraceparent,
  currentContext,
  DeadlineExceeded,
  logger,
  RemoteProblem,
  ServiceUnavailable,
  toProblem,
  uuidv7,
  type RequestContext,
} from '@rookery/platform';
import { InternalTokenIssuer } from '@rookery/security';
import { headers as newHeaders, RequestError, TimeoutError, type Msg, type MsgHdrs } from '@nats-io/nats-core';
import { Injectable, Optional } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { parseJson } from './json';
import { Nats } from './nats';
import { ReplyPacket } from './rpc-packet';

const defaultTimeoutMs = 5_000;
/** A service that just restarts needs about this long to subscribe again. */
const retryAfterMs = { least: 50, most: 150 };

/** What a call carries on and must end by. */
interface Limits {
  readonly context: RequestContext | undefined;
  readonly deadline: number;
}

/**
 * Calls other services. Each call ends before its deadline: with the answer as the contract describes it, with the
 * Problem the service answered (`RemoteProblem`), with `ServiceUnavailable` when nobody took it (nothing happened) or
 * with `DeadlineExceeded` (it may have happened). Queries that nobody took are sent once more.
 */
@Injectable()
export class RpcClient {
  constructor(
    private readonly nats: Nats,
    /** Absent in services that call none. */
    @Optional() private readonly tokens?: InternalTokenIssuer,
  ) {}

  /**
   * Sends a request in the running context: its correlation id, trace, actor, idempotency key, and the earlier of its
   * deadline and `timeoutMs` (5 s) from now.
   */
  async call<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    body: z.input<Request>,
    { timeoutMs = defaultTimeoutMs }: { readonly timeoutMs?: number } = {},
  ): Promise<z.output<Response>> {
    const started = performance.now();
    let status = 200;
    try {
      return await this.retrying(contract, body, {
        context: currentContext(),
        deadline: Math.min(Date.now() + timeoutMs, currentContext()?.deadline ?? Infinity),
      });
    } catch (error) {
      status = toProblem(error).status;
      throw error;
    } finally {
      const seconds = (performance.now() - started) / 1000;
      this.nats.metrics.rpcClient.observe({ subject: contract.subject, status: String(status) }, seconds);
    }
  }

  private async retrying<Response extends z.ZodType>(
    contract: RpcContract<z.ZodType, Response>,
    body: unknown,
    limits: Limits,
  ): Promise<z.output<Response>> {
    try {
      return await this.send(contract, body, limits);
    } catch (error) {
      if (contract.kind === 'command' || !(error instanceof ServiceUnavailable)) {
        throw error;
      }
    }
    await sleep(retryAfterMs.least + Math.random() * (retryAfterMs.most - retryAfterMs.least));
    return this.send(contract, body, limits);
  }

  private async send<Response extends z.ZodType>(
    contract: RpcContract<z.ZodType, Response>,
    body: unknown,
    { context, deadline }: Limits,
  ): Promise<z.output<Response>> {
    const { subject } = contract;
    if (!this.nats.connected) {
      // The client would keep the request in a buffer and send it after its caller has gone.
      throw new ServiceUnavailable();
    }
    const headers = await this.headersFor(contract, context, deadline);
    const timeout = deadline - Date.now();
    if (timeout <= 0) {
      throw new DeadlineExceeded();
    }
    const id = uuidv7();
    const payload = JSON.stringify({ pattern: subject, data: body, id });
    const message = await this.nats.connection
      .request(subject, payload, { timeout, headers })
      .catch((error: unknown) => {
        throw failureOf(error, subject);
      });
    return resultOf(contract, message, id);
  }

  private async headersFor(
    contract: RpcContract,
    context: RequestContext | undefined,
    deadline: number,
  ): Promise<MsgHdrs> {
    const headers = newHeaders();
    headers.set(Headers.correlationId, context?.correlationId ?? uuidv7());
    headers.set(Headers.traceparent, childTraceparent(context?.traceparent));
    headers.set(Headers.deadline, String(deadline));
    if (this.tokens !== undefined) {
      headers.set(Headers.authorization, await this.tokens.sign(contract.service, context?.actor));
    }
    if (context?.idempotencyKey !== undefined) {
      headers.set(Headers.idempotencyKey, context.idempotencyKey);
    }
    return headers;
  }
}

function failureOf(error: unknown, subject: string): Error {
  if (error instanceof TimeoutError) {
    return new DeadlineExceeded();
  }
  if (!(error instanceof RequestError && error.isNoResponders())) {
    logger.error({ err: error, subject }, 'could not send a request');
  }
  return new ServiceUnavailable();
}

function resultOf<Response extends z.ZodType>(
  contract: RpcContract<z.ZodType, Response>,
  message: Msg,
  id: string,
): z.output<Response> {
  const json = parseJson(message.data);
  const reply = ReplyPacket.safeParse(json.ok ? json.value : undefined);
  if (!reply.success || reply.data.id !== id) {
    throw new Error(`${contract.subject} answered with something that is no answer`);
  }
  if (reply.data.err !== undefined) {
    throw new RemoteProblem(reply.data.err);
  }
  const response = contract.response.safeParse(reply.data.response);
  if (!response.success) {
    const where = response.error.issues.map((issue) => issue.path.join('/')).join(', ');
    throw new Error(`the answer of ${contract.subject} breaks its contract at ${where}`);
  }
  return response.data;
}
