import { PassThrough, type Readable, Transform } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Dispatcher } from 'undici';
import { Headers } from '@rookery/contracts';
import {
  type AccessLease,
  Deadline,
  DeadlineExceeded,
  DomainError,
  logger,
  rawBodyOf,
  type Readiness,
  requireContext,
} from '@rookery/platform';
import { type AccessTokenVerifier, type AdmittedCaller, bearerTokenOf, leaseEnd } from '@rookery/security';
import { isEventStream } from '../live-stream';
import { headersFromLegacy, headersToLegacy } from './forwarded-headers';
import { legacyTarget, publicLocation } from './legacy-address';
import { ClientGone, LegacyUnreachable } from './legacy-errors';
import { LegacyUpstream } from './legacy-upstream';
import type { StranglerRoute } from './strangler-routes';

/** Largest forwarded response, bytes; live streams are unlimited. */
export const MAX_RESPONSE_BYTES = 10 * 1024 * 1024;
/** Longest time from the head of a response to its end, except for live streams. */
const RESPONSE_TIMEOUT_MS = 30_000;
/** A page of the legacy system has the gateway's origin, where Swagger UI stores its token: it may render, but not run scripts. */
const DOCUMENT_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const satisfies readonly Dispatcher.HttpMethod[];

/** 400: the client asks for another protocol on this connection. */
class UpgradeRefused extends DomainError {
  constructor() {
    const detail = 'This connection cannot be upgraded: send the request without the Upgrade header.';
    super({ status: 400, code: 'gateway.upgrade-refused', title: 'Upgrade refused', detail });
  }
}

/** Forwards requests to the legacy systems and their responses back. */
export class LegacyProxy {
  private readonly upstreams: ReadonlyMap<string, LegacyUpstream>;
  private readonly publicUrl: URL;

  constructor(
    routes: readonly StranglerRoute[],
    publicUrl: string,
    private readonly tokens: AccessTokenVerifier,
    private readonly readiness: Readiness,
  ) {
    const origins = new Set(routes.map(({ upstream }) => upstream));
    this.upstreams = new Map([...origins].map((origin) => [origin, new LegacyUpstream(origin)]));
    this.publicUrl = new URL(publicUrl);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.upstreams.values()].map((upstream) => upstream.close()));
  }

  /** The caller with a valid token, even on public routes, where no guard has verified it. */
  async callerOf(request: FastifyRequest): Promise<AdmittedCaller | undefined> {
    const { actor, lease } = requireContext();
    if (actor !== undefined && lease !== undefined) {
      return { actor, lease };
    }
    const token = bearerTokenOf(request.headers.authorization);
    if (token === undefined) {
      return undefined;
    }
    try {
      return await this.tokens.admit(token);
    } catch (error) {
      if (error instanceof DomainError) {
        return undefined;
      }
      throw error;
    }
  }

  /**
   * Forwards a request to the legacy system. Resolves when the head of its response has arrived, with a function that streams it to
   * the reply at the client's pace. The request ends at its deadline, and when the client leaves. Only a verified token is forwarded.
   * @throws {InvalidInput} for an address that is not normalized (400)
   * @throws {UpgradeRefused} for an Upgrade header (400)
   * @throws {LegacyUnreachable} without a valid response (502)
   * @throws {LegacyUnavailable} when the bulkhead is full or the breaker open (503)
   * @throws {DeadlineExceeded} when the deadline passes (504)
   * @throws {LegacyFailed} with the legacy system's own 5xx
   */
  async ask(
    route: StranglerRoute,
    caller: AdmittedCaller | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<() => void> {
    if (request.headers.upgrade !== undefined) {
      throw new UpgradeRefused();
    }
    const upstream = this.upstreams.get(route.upstream);
    const method = methods.find((name) => name === request.method);
    if (upstream === undefined || method === undefined) {
      throw new Error(`${request.method} has no way to ${route.upstream}`);
    }

    const { deadline = Deadline.in(RESPONSE_TIMEOUT_MS) } = requireContext();
    const end = new AbortController();
    const left = new AbortController();
    reply.raw.once('close', () => {
      clearTimeout(timer);
      end.abort(new ClientGone());
      left.abort();
    });
    if (reply.raw.destroyed) {
      throw new ClientGone();
    }
    let timer = setTimeout(() => end.abort(new DeadlineExceeded()), Math.max(0, deadline.msLeft));

    const answer = await upstream.ask(
      {
        method,
        target: legacyTarget(route, request.raw.url ?? ''),
        headers: this.headersFor(route, caller, request),
        body: rawBodyOf(request.raw),
        signal: end.signal,
      },
      left.signal,
    );
    clearTimeout(timer);
    if (!isLiveStream(answer)) {
      timer = setTimeout(() => end.abort(new LegacyUnreachable()), RESPONSE_TIMEOUT_MS);
    }
    return () => {
      this.copyHead(route, answer, reply);
      this.sendBody(answer, reply, caller?.lease);
    };
  }

  private headersFor(
    { passHeaders }: StranglerRoute,
    caller: AdmittedCaller | undefined,
    request: FastifyRequest,
  ): Record<string, string> {
    const { correlationId, traceparent, deadline } = requireContext();
    const { authorization } = request.headers;
    return {
      ...headersToLegacy(request.headers, passHeaders),
      [Headers.correlationId]: correlationId,
      [Headers.traceparent]: traceparent,
      ...(deadline !== undefined && { [Headers.timeLeft]: String(Math.max(0, Math.floor(deadline.msLeft))) }),
      ...(caller !== undefined && authorization !== undefined && { [Headers.authorization]: authorization }),
      'x-forwarded-for': request.ip,
      'x-forwarded-proto': this.publicUrl.protocol.replace(':', ''),
      'x-forwarded-host': this.publicUrl.host,
      via: '1.1 rookery',
    };
  }

  private copyHead(route: StranglerRoute, { statusCode, headers }: Dispatcher.ResponseData, reply: FastifyReply): void {
    const { location } = headers;
    void reply.code(statusCode).headers({
      ...headersFromLegacy(headers, route.passHeaders),
      ...(typeof location === 'string' && { location: publicLocation(route, location) }),
      'content-security-policy': DOCUMENT_POLICY,
      'x-content-type-options': 'nosniff',
    });
  }

  private sendBody(answer: Dispatcher.ResponseData, reply: FastifyReply, lease: AccessLease | undefined): void {
    const { statusCode, body } = answer;
    if (statusCode === 204 || statusCode === 304) {
      body.resume();
      void reply.send();
      return;
    }
    void reply.send(isLiveStream(answer) ? this.whileAllowed(body, lease) : limited(body));
  }

  /**
   * A live stream ends when this process shuts down, so that the client reconnects to another replica, and when the request's token
   * expires or would be rejected.
   */
  private whileAllowed(body: Readable, lease: AccessLease | undefined): Readable {
    const closed = new AbortController();
    const ends = [this.readiness.signal, ...(lease === undefined ? [] : [leaseEnd(lease, closed.signal)])];
    const stream = chained(body, new PassThrough());
    const endStream = (): void => {
      body.unpipe(stream);
      stream.end();
    };
    for (const signal of ends) {
      if (signal.aborted) {
        endStream();
      } else {
        signal.addEventListener('abort', endStream, { once: true, signal: closed.signal });
      }
    }
    stream.once('close', () => closed.abort());
    return stream;
  }
}

const isLiveStream = ({ headers }: Dispatcher.ResponseData): boolean => isEventStream(headers['content-type']);

/** Fails beyond the limit. The head has already been sent, so the connection is cut. */
function limited(body: Readable): Readable {
  let size = 0;
  return chained(
    body,
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        size += chunk.length;
        if (size > MAX_RESPONSE_BYTES) {
          done(new LegacyUnreachable());
        } else {
          done(null, chunk);
        }
      },
    }),
  );
}

/** Pipes `body` through `through`; each ends and fails with the other. */
function chained(body: Readable, through: Transform): Transform {
  body.once('error', (error) => {
    if (!(error instanceof ClientGone)) {
      logger.warn({ err: error }, 'the response of a legacy system was interrupted');
    }
    through.destroy(error);
  });
  through.once('close', () => {
    if (!body.readableEnded) {
      body.destroy();
    }
  });
  body.pipe(through);
  return through;
}
