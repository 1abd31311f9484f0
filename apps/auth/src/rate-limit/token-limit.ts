import type { IncomingMessage, ServerResponse } from 'node:http';
import { Clock } from '@rookery/platform';
import { limitedAddress, Redis, SharedWindows } from '@rookery/resilience';
import { Inject, Injectable } from '@nestjs/common';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';

const WINDOW_MS = 60_000;
/** Where tokens are asked for and about, and user codes entered: each request may be a guess at a code, a token or a secret. */
const LIMITED = /^\/(?:token|device)(?=$|[/?])/u;
/** The one of them that people see: where the code that a device shows is entered. */
const PAGE = /^\/device\/?(?=$|\?)/u;

/** A request as middleware gets it. `ip` heeds X-Forwarded-For from proxies in TRUST_PROXY only. */
export type MiddlewareRequest = IncomingMessage & { readonly originalUrl?: string; readonly ip?: string };

/**
 * Limits what one address may ask of these endpoints; the log-in page has `SignInThrottle`. Past it the answer is an error
 * as OAuth has them (RFC 6749, section 5.2) with status 429 and Retry-After: nothing is looked up, no secret compared.
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
    const url = request.originalUrl ?? request.url ?? '';
    if (request.method !== 'POST' || !LIMITED.test(url)) return false;
    const { hits, secondsLeft } = await this.windows.hit(
      limitedAddress(request.ip ?? request.socket.remoteAddress ?? ''),
    );
    if (hits <= this.limit) return false;
    const { headers, body } = PAGE.test(url) ? refusalPage() : refusal();
    response.writeHead(429, { ...headers, 'retry-after': String(secondsLeft) }).end(body);
    return true;
  }
}

const refusal = () => ({
  headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' },
  body: JSON.stringify({
    error: 'temporarily_unavailable',
    error_description: 'Too many requests from this address. Wait as long as Retry-After says.',
  }),
});

const refusalPage = () => ({
  headers: pageHeaders(),
  body: errorPage('Too many attempts', 'Please wait a minute, then enter the code again.'),
});
