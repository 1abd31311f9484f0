import type { IncomingMessage } from 'node:http';
import { Headers } from '@rookery/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Deadline } from '../context/deadline';
import { contextFrom, runInContext, type RequestContext } from '../context/request-context';
import { logger } from '../logging/logger';

/** One answered request, as metrics count it. */
export interface AnswerLabels {
  readonly method: string;
  readonly route: string;
  readonly status: number;
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();

const mountedRoutes = new WeakMap<IncomingMessage, string>();

/** Names the route of a request that something beside the router answers, for log and metrics: a pattern out of a short list. */
export function nameRoute(request: IncomingMessage, route: string): void {
  mountedRoutes.set(request, route);
}

const notes = new WeakMap<IncomingMessage, Readonly<Record<string, string>>>();

/** Adds fields to the log line that tells how the request was answered. */
export function noteForLog(request: IncomingMessage, fields: Readonly<Record<string, string>>): void {
  notes.set(request, fields);
}

/** The context of an HTTP request, also where the asynchronous one is lost: while its body is being read. */
export function contextOfRequest(request: IncomingMessage): RequestContext | undefined {
  return contexts.get(request);
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** Answers a request's context, made from its headers when it is asked for the first time. */
export function openContext(request: IncomingMessage, requestTimeoutMs: number | undefined): RequestContext {
  const known = contexts.get(request);
  if (known !== undefined) return known;
  const context: RequestContext = {
    ...contextFrom({
      correlationId: first(request.headers[Headers.correlationId]),
      traceparent: first(request.headers[Headers.traceparent]),
    }),
    asksOnce: true,
    ...(requestTimeoutMs !== undefined && { deadline: Deadline.in(requestTimeoutMs) }),
  };
  contexts.set(request, context);
  return context;
}

/**
 * Everything that concerns each HTTP request alike: its context, the correlation id on its answer, one log line, one metric,
 * and `connection: close` while the process drains so that clients move on to another replica.
 */
export function observeRequests(
  fastify: FastifyInstance,
  options: {
    readonly requestTimeoutMs: number | undefined;
    readonly isDraining: () => boolean;
    readonly onAnswered: (labels: AnswerLabels, seconds: number) => void;
  },
): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const context = openContext(request.raw, options.requestTimeoutMs);
    void reply.header(Headers.correlationId, context.correlationId);
    // Answers that bypass Fastify (the OpenID Provider writes to the raw response) carry it too.
    reply.raw.setHeader(Headers.correlationId, context.correlationId);
    if (options.isDraining()) reply.raw.setHeader('connection', 'close');
    runInContext(context, done);
  });
  // Reading the body continues in the connection's asynchronous context: enter the request's again.
  fastify.addHook('preValidation', (request, _reply, done) => {
    runInContext(openContext(request.raw, options.requestTimeoutMs), done);
  });
  // Decided when the answer goes out: the request may have come in before the process was told to stop.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (options.isDraining()) void reply.header('connection', 'close');
    done(null, payload);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const labels = { method: request.method, route: routeOf(request), status: reply.statusCode };
    options.onAnswered(labels, reply.elapsedTime / 1000);
    runInContext(openContext(request.raw, undefined), () => {
      const durationMs = Math.round(reply.elapsedTime * 10) / 10;
      logger.info({ ...labels, ...notes.get(request.raw), durationMs }, 'request');
    });
    done();
  });
}

/** The pattern (`/v1/orders/:id`): addresses and queries may carry personal data, and there is no end of them. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? mountedRoutes.get(request.raw) ?? '(unknown)';
}
