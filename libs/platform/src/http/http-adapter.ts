import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problemOfStatus } from '../errors/to-problem';
import { answerClientError } from './client-error';
import { parseJsonBody } from './json-body';
import { refuseForeignCoding } from './json-media-type';
import { keepRawBody } from './raw-body';
import { refuse } from './refuse';
import { securityHeaders } from './security-headers';
import { sendRawProblem } from './send-raw-problem';
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
  /** Clients come over TLS, ended here or before: answers say so (HSTS, RFC 6797). Default false. */
  readonly behindTls?: boolean | undefined;
  /** A client has this long to send its headers, milliseconds. Default 10,000. */
  readonly headersTimeoutMs?: number | undefined;
  /** A client has this long to send a whole request, milliseconds. Default 30,000. */
  readonly receiveTimeoutMs?: number | undefined;
  /** A connection without a request is closed after this long, milliseconds. Default 72,000. */
  readonly keepAliveMs?: number | undefined;
  /** Connections at a time; further ones are closed at once. Default 10,000. */
  readonly maxConnections?: number | undefined;
}

const MAX_HEADER_BYTES = 16_384;
/** Slow clients do not hold connections. */
const HEADERS_TIMEOUT_MS = 10_000;
const RECEIVE_TIMEOUT_MS = 30_000;
/** Node looks for connections past their time this often; its own 30 s would let them live up to 30 s more. */
const TIMEOUT_CHECK_MS = 1_000;
/** Once the port is closed, whoever has connected and sent nothing for this long will find another replica. */
const SILENT_MS = 1_000;
/** Longer than the idle time of usual load balancers (60 s), so that it is them who close idle connections. */
const KEEP_ALIVE_MS = 72_000;
/** Far below the file descriptors of a process, far above what one process serves. */
const MAX_CONNECTIONS = 10_000;

/** Fastify with this system's limits and its own JSON parser. */
export function createHttpAdapter(limits: HttpLimits = {}): FastifyAdapter {
  const { bodyBytes = 102_400, bodyDepth = 20, trustProxy = [], behindTls = false } = limits;
  const { headersTimeoutMs = HEADERS_TIMEOUT_MS, receiveTimeoutMs = RECEIVE_TIMEOUT_MS } = limits;
  const secure = securityHeaders(behindTls);
  const adapter = new FastifyAdapter({
    bodyLimit: bodyBytes,
    requestTimeout: receiveTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs ?? KEEP_ALIVE_MS,
    // A missing Host is refused below: Node's own refusal has no body.
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
    },
    clientErrorHandler: answerClientError,
    // An address that cannot be decoded (400) or is too long (414) never reaches a hook or a filter.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      secure(request.raw, reply.raw);
      refuse(request, reply, problemOfStatus(error.statusCode ?? 400));
    },
    // At shutdown idle connections are closed; what arrives on the others meanwhile is still answered, not refused.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    logger: false,
  });
  const fastify = adapter.getInstance();
  fastify.server.maxConnections = limits.maxConnections ?? MAX_CONNECTIONS;
  // No proxy: Node would hang up without a word.
  fastify.server.on('connect', (_request, socket: Socket) => answerClientError(new Error('CONNECT'), socket));
  fastify.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    // Anything but 100-continue (RFC 9110, 10.1.1). Node would answer without a body.
    secure(request, response);
    response.setHeader('connection', 'close');
    sendRawProblem(request, response, problemOfStatus(417));
  });
  // Right after the event loop took in who was waiting: whom nobody has taken in when the port closes is turned away by the system.
  fastify.addHook('preClose', () => setImmediate());
  closeSilentConnections(fastify);
  fastify.addHook('onRequest', (request, reply, done) => {
    secure(request.raw, reply.raw);
    if (!isUnclear(request.raw)) {
      done();
      return;
    }
    void reply.header('connection', 'close');
    refuse(request, reply, problemOfStatus(400));
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      refuseForeignCoding(request.headers['content-type'], request.headers['content-encoding']);
      const value = parseJsonBody(body, bodyDepth);
      keepRawBody(request.raw, body);
      done(null, value);
    } catch (error) {
      done(error instanceof Error ? error : new Error('unreadable body', { cause: error }));
    }
  });
  return adapter;
}

/**
 * Connections on which nothing has come, as browsers and proxies open them in advance, count as busy for Node until their headers are
 * late: a shutdown would wait for them.
 */
function closeSilentConnections(fastify: FastifyInstance): void {
  const connections = new Set<Socket>();
  fastify.server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  fastify.addHook('preClose', (done) => {
    setTimeout(() => {
      for (const socket of connections) if (socket.bytesRead === 0) socket.destroy();
    }, SILENT_MS).unref();
    done();
  });
}
