import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import { currentContext, DomainError, type Clock } from '@rookery/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isLegacyRoute } from '../strangler/legacy-route';
import { limitedAddress } from './client-address';
import { FixedWindows } from './fixed-windows';
import { isRegistration } from './registration-limit.decorator';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How much one caller may ask for. */
export interface RateLimits {
  readonly requestsPerMinute: number;
  readonly registrationsPerHour: number;
}

/** The caller has used up what the window allows. */
export class TooManyRequests extends DomainError {
  constructor(retryAfterSeconds: number) {
    super({
      status: 429,
      code: 'gateway.too-many-requests',
      title: 'Too many requests',
      detail: 'Wait as long as Retry-After says, then try again.',
      retryAfterSeconds,
    });
  }
}

/**
 * Counts the requests of each subject or, without a token, of each address, and registrations per address. Past a limit: 429
 * with Retry-After. Every answer has RateLimit-Limit, -Remaining and -Reset (draft-ietf-httpapi-ratelimit-headers-07).
 */
export class RateLimitGuard implements CanActivate {
  private readonly requests: FixedWindows;
  private readonly registrations: FixedWindows;

  constructor(
    private readonly limits: RateLimits,
    private readonly reflector: Reflector,
    clock: Clock,
  ) {
    this.requests = new FixedWindows(MINUTE_MS, clock);
    this.registrations = new FixedWindows(HOUR_MS, clock);
  }

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    // Probes, metrics and documents: an orchestrator must never be told to slow down.
    if (!request.url.startsWith('/v1/') && !isLegacyRoute(request)) return true;
    const reply = http.getResponse<FastifyReply>();
    // `ip` heeds X-Forwarded-For from proxies in TRUST_PROXY only.
    const address = limitedAddress(request.ip);
    const actor = currentContext()?.actor;
    const caller = actor === undefined ? address : `${actor.issuer} ${actor.subject}`;
    spend(reply, this.requests, caller, this.limits.requestsPerMinute);
    if (isRegistration(this.reflector, context)) {
      spend(reply, this.registrations, address, this.limits.registrationsPerHour);
    }
    return true;
  }
}

function spend(reply: FastifyReply, windows: FixedWindows, key: string, limit: number): void {
  const { hits, secondsLeft } = windows.hit(key);
  reply.headers({
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(Math.max(0, limit - hits)),
    'ratelimit-reset': String(secondsLeft),
  });
  if (hits > limit) throw new TooManyRequests(secondsLeft);
}
