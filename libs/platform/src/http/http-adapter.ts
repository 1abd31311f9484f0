import { setImmediate } from 'node:timers/promises';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { problemOfStatus } from '../errors/to-problem';
import { answerClientError } from './client-error';
import { openContext } from './http-context';
import { parseJsonBody } from './json-body';
import { sendProblem } from './send-problem';
import { isUnclear } from './unclear-request';

/** Limits of the HTTP side of a process. */
export interface HttpLimits {
  /** Largest body, bytes. Default 102,400. */
  readonly bodyBytes?: number | undefined;
  /** Deepest nesting of a JSON body. Default 20. */
  readonly bodyDepth?: number | undefined;
  /** When set, each request's context carries the deadline `now + requestTimeoutMs`. */
  readonly requestTimeoutMs?: number | undefined;
  /** Addresses (CIDR) of proxies whose X-Forwarded-* are believed. Default none. */
  readonly trustProxy?: readonly string[] | undefined;
}

const MAX_HEADER_BYTES = 16_384;
/** A client has this long to send its headers, and this long for the whole request: slow ones do not hold connections. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Longer than the idle time of usual load balancers (60 s), so that it is them who close idle connections. */
const KEEP_ALIVE_MS = 72_000;

/** Fastify with this system's limits and its own JSON parser. */
export function createHttpAdapter(limits: HttpLimits = {}): FastifyAdapter {
  const { bodyBytes = 102_400, bodyDepth = 20, trustProxy = [] } = limits;
  const adapter = new FastifyAdapter({
    bodyLimit: bodyBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // A missing Host is refused below: Node's own refusal has no body.
    http: { maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS, requireHostHeader: false },
    clientErrorHandler: answerClientError,
    // An address that cannot be decoded (400) or is too long (414) never reaches a hook or a filter.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      refuse(request, reply, error.statusCode ?? 400);
    },
    // At shutdown idle connections are closed; what arrives on the others meanwhile is still answered, not refused.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    logger: false,
  });
  const fastify = adapter.getInstance();
  // Right after the event loop took in who was waiting: whom nobody has taken in when the port closes is turned away by the system.
  fastify.addHook('preClose', () => setImmediate());
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!isUnclear(request.raw)) {
      done();
      return;
    }
    void reply.header('connection', 'close');
    refuse(request, reply, 400);
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJsonBody(body, bodyDepth));
    } catch (error) {
      done(error instanceof Error ? error : new Error('unreadable body', { cause: error }));
    }
  });
  return adapter;
}

function refuse(request: FastifyRequest, reply: FastifyReply, status: number): void {
  const { correlationId } = openContext(request.raw, undefined);
  sendProblem(reply, { ...problemOfStatus(status), correlationId, instance: request.url.split('?', 1).join('') });
}
