import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Headers } from '@rookery/contracts';
import { Deadline } from '../context/deadline';
import { contextFrom, type RequestContext, runInContext } from '../context/request-context';
import { logger } from '../logging/logger';

/** Labels of an answered request in metrics. */
export interface AnswerLabels {
  readonly method: string;
  readonly route: string;
  readonly status: number;
}

const contexts = new WeakMap<IncomingMessage, RequestContext>();

const mountedRoutes = new WeakMap<IncomingMessage, string>();

/** Names the route of a request that is not served by the router, for log and metrics: one of a short list of patterns. */
export function nameRoute(request: IncomingMessage, route: string): void {
  mountedRoutes.set(request, route);
}

const notes = new WeakMap<IncomingMessage, Readonly<Record<string, string>>>();

/** Adds fields to the request's log line. */
export function noteForLog(request: IncomingMessage, fields: Readonly<Record<string, string>>): void {
  notes.set(request, fields);
}

const first = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);

/** The request's context, created from its headers on first use. */
export function openContext(request: IncomingMessage, requestTimeoutMs: number | undefined): RequestContext {
  const known = contexts.get(request);
  if (known !== undefined) {
    return known;
  }
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
 * Handles what all HTTP requests share: the context, the correlation id of the response, one log line, one metric,
 * and `connection: close` while the process drains, so that clients move to another replica.
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
    // Responses that bypass Fastify (the OpenID Provider writes to the raw response) carry it too.
    reply.raw.setHeader(Headers.correlationId, context.correlationId);
    if (options.isDraining()) {
      reply.raw.setHeader('connection', 'close');
    }
    runInContext(context, done);
  });
  // Reading the body continues in the connection's asynchronous context: enter the request's again.
  fastify.addHook('preValidation', (request, _reply, done) => {
    runInContext(openContext(request.raw, options.requestTimeoutMs), done);
  });
  // Decided when the response is sent: the request may have arrived before the shutdown began.
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (options.isDraining()) {
      void reply.header('connection', 'close');
    }
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

/** The pattern (`/v1/orders/:id`): paths and queries may carry personal data, and their number is unbounded. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? mountedRoutes.get(request.raw) ?? '(unknown)';
}
