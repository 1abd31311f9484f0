import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problemOfStatus } from '../errors/to-problem';
import { isAmbiguous } from './ambiguous-request';
import { answerClientError } from './client-error';
import { parseJsonBody } from './json-body';
import { refuseForeignCoding } from './json-media-type';
import { keepRawBody } from './raw-body';
import { reject } from './reject';
import { securityHeaders } from './security-headers';
import { sendRawProblem } from './send-raw-problem';

/** Limits of the HTTP side of a process. */
export interface HttpLimits {
  /** Largest body, bytes. @default 102400 */
  readonly bodyBytes?: number | undefined;
  /** Deepest nesting of a JSON body. @default 20 */
  readonly bodyDepth?: number | undefined;
  /** When set, each request's context carries the deadline `now + requestTimeoutMs`. */
  readonly requestTimeoutMs?: number | undefined;
  /** Addresses (CIDR) of proxies whose X-Forwarded-* are trusted. @default none */
  readonly trustProxy?: readonly string[] | undefined;
  /** Clients connect over TLS, terminated here or in front: responses carry HSTS (RFC 6797). @default false */
  readonly behindTls?: boolean | undefined;
  /** Time limit for a client to send its headers, milliseconds. @default 10000 */
  readonly headersTimeoutMs?: number | undefined;
  /** Time limit for a client to send a whole request, milliseconds. @default 30000 */
  readonly receiveTimeoutMs?: number | undefined;
  /** Idle time after which a connection is closed, milliseconds. @default 72000 */
  readonly keepAliveMs?: number | undefined;
  /** Maximum number of connections; further ones are closed at once. @default 10000 */
  readonly maxConnections?: number | undefined;
}

const MAX_HEADER_BYTES = 16_384;
/** Slow clients must not hold connections. */
const HEADERS_TIMEOUT_MS = 10_000;
const RECEIVE_TIMEOUT_MS = 30_000;
/** How often Node closes connections past their limit; its default of 30 s would let them live up to 30 s longer. */
const TIMEOUT_CHECK_MS = 1_000;
/** After the port is closed, connections that sent nothing for this long are closed; their clients find another replica. */
const SILENT_MS = 1_000;
/** Longer than the idle time of usual load balancers (60 s), so that the load balancers close idle connections. */
const KEEP_ALIVE_MS = 72_000;
/** Far below a process's file descriptors, far above what one process serves. */
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
    // A missing Host is rejected below: Node's own response has no body.
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      requireHostHeader: false,
    },
    clientErrorHandler: answerClientError,
    // A URL that cannot be decoded (400) or is too long (414) never reaches a hook or a filter.
    frameworkErrors: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
      secure(request.raw, reply.raw);
      reject(request, reply, problemOfStatus(error.statusCode ?? 400));
    },
    // At shutdown idle connections are closed; requests that arrive on others meanwhile are still served.
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    logger: false,
  });
  const fastify = adapter.getInstance();
  fastify.server.maxConnections = limits.maxConnections ?? MAX_CONNECTIONS;
  // No proxying: Node would close the connection without a response.
  fastify.server.on('connect', (_request, socket: Socket) => answerClientError(new Error('CONNECT'), socket));
  fastify.server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    // Anything but 100-continue (RFC 9110, 10.1.1). Node would answer without a body.
    secure(request, response);
    response.setHeader('connection', 'close');
    sendRawProblem(request, response, problemOfStatus(417));
  });
  // After the event loop has accepted the waiting connections: the system resets those that are not accepted when the port closes.
  fastify.addHook('preClose', () => setImmediate());
  closeSilentConnections(fastify);
  fastify.addHook('onRequest', (request, reply, done) => {
    secure(request.raw, reply.raw);
    if (!isAmbiguous(request.raw)) {
      done();
      return;
    }
    void reply.header('connection', 'close');
    reject(request, reply, problemOfStatus(400));
  });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      refuseForeignCoding(request.headers['content-type'], request.headers['content-encoding']);
      const value = parseJsonBody(body, bodyDepth);
      keepRawBody(request.raw, body); // part:strangler
      done(null, value);
    } catch (error) {
      done(error instanceof Error ? error : new Error('unreadable body', { cause: error }));
    }
  });
  return adapter;
}

/**
 * Connections that browsers and proxies open in advance count as busy for Node until their header timeout: a shutdown would
 * wait for them.
 */
function closeSilentConnections(fastify: FastifyInstance): void {
  const connections = new Set<Socket>();
  fastify.server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  fastify.addHook('preClose', (done) => {
    setTimeout(() => {
      for (const socket of connections) {
        if (socket.bytesRead === 0) {
          socket.destroy();
        }
      }
    }, SILENT_MS).unref();
    done();
  });
}
