import type { IncomingMessage, ServerResponse } from 'node:http';
import { Clock } from '@rookery/platform';
import { limitedAddress, Redis, SharedWindows } from '@rookery/resilience';
import { Inject, Injectable } from '@nestjs/common';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';

const WINDOW_MS = 60_000;
/** Where tokens are asked for and about, and user codes entered: each request may be a guess at a code, a token or a secret. */
const GUESSES = /^\/(?:token|device)(?=$|[/?])/u;
/** Where log-ins begin and go on: anybody may, and each is kept for an hour. */
const LOG_INS = /^\/auth(?=$|[/?])/u;
/** Those of them that people see: a log-in, and where the code that a device shows is entered. */
const PAGE = /^\/(?:auth(?=$|[/?])|device\/?(?=$|\?))/u;

/** A request as middleware gets it. `ip` heeds X-Forwarded-For from proxies in TRUST_PROXY only. */
export type MiddlewareRequest = IncomingMessage & { readonly originalUrl?: string; readonly ip?: string };

/**
 * Limits what one address may ask of these endpoints, and counts log-ins apart; passwords have `SignInThrottle`. Past it the answer is an
 * error as OAuth has them (RFC 6749, section 5.2), or a page, with status 429 and Retry-After: nothing is looked up or kept, no secret compared.
 */
@Injectable()
export class TokenLimit {
  private readonly guesses: SharedWindows;
  private readonly logIns: SharedWindows;
  private readonly limit: number;

  constructor(@Inject(AUTH_CONFIG) config: AuthConfig, redis: Redis, clock: Clock) {
    this.limit = config.TOKEN_LIMIT_PER_MINUTE;
    this.guesses = new SharedWindows('auth:token', WINDOW_MS, redis, clock);
    this.logIns = new SharedWindows('auth:log-in', WINDOW_MS, redis, clock);
  }

  /** Counts the request if it is one of those. Whether it was too many, and has been answered. */
  async refuses(request: MiddlewareRequest, response: ServerResponse): Promise<boolean> {
    const url = request.originalUrl ?? request.url ?? '';
    const windows = this.windowsOf(request.method, url);
    if (windows === undefined) return false;
    const { hits, secondsLeft } = await windows.hit(limitedAddress(request.ip ?? request.socket.remoteAddress ?? ''));
    if (hits <= this.limit) return false;
    const { headers, body } = PAGE.test(url) ? refusalPage() : refusal();
    response.writeHead(429, { ...headers, 'retry-after': String(secondsLeft) }).end(body);
    return true;
  }

  private windowsOf(method: string | undefined, url: string): SharedWindows | undefined {
    if (LOG_INS.test(url)) return this.logIns;
    return method === 'POST' && GUESSES.test(url) ? this.guesses : undefined;
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
  body: errorPage('Too many attempts', 'Please wait a minute, then try again.'),
});
