import type { IncomingMessage, ServerResponse } from 'node:http';
import { Clock } from '@rookery/platform';
import { limitedAddress, Redis, SharedWindows } from '@rookery/resilience';
import { Inject, Injectable } from '@nestjs/common';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';

const WINDOW_MS = 60_000;
/** Where clients ask for tokens and about them: each request may be a guess at a code, a refresh token or a client's secret. */
const LIMITED = /^\/(?:token(?:\/introspection|\/revocation)?|device\/auth)\/?(?=$|\?)/u;

/** A request as middleware gets it. `ip` heeds X-Forwarded-For from proxies in TRUST_PROXY only. */
export type MiddlewareRequest = IncomingMessage & { readonly originalUrl?: string; readonly ip?: string };

/**
 * Limits what one address may ask of the endpoints for machines; people at the log-in page have `SignInThrottle`. Past it the answer
 * is an error as OAuth has them (RFC 6749, section 5.2) with status 429 and Retry-After: nothing is looked up, no secret compared.
 */
@Injectable()
export class TokenLimit {
  private readonly windows: SharedWindows;
  private readonly limit: number;

  constructor(@Inject(AUTH_CONFIG) config: AuthConfig, redis: Redis, clock: Clock) {
    this.limit = config.TOKEN_LIMIT_PER_MINUTE;
    this.windows = new SharedWindows('auth:token', WINDOW_MS, redis, clock);
  }

  /** Counts the request if it is one of those. Whether it was too many, and has been answered. */
  async refuses(request: MiddlewareRequest, response: ServerResponse): Promise<boolean> {
    if (request.method !== 'POST' || !LIMITED.test(request.originalUrl ?? request.url ?? '')) return false;
    const { hits, secondsLeft } = await this.windows.hit(
      limitedAddress(request.ip ?? request.socket.remoteAddress ?? ''),
    );
    if (hits <= this.limit) return false;
    response.writeHead(429, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'retry-after': String(secondsLeft),
    });
    response.end(
      JSON.stringify({
        error: 'temporarily_unavailable',
        error_description: 'Too many requests from this address. Wait as long as Retry-After says.',
      }),
    );
    return true;
  }
}
