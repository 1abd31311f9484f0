import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import {
  ThrottlerGuard,
  type ThrottlerLimitDetail,
  type ThrottlerOptions,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '@rookery/platform';
import { isLegacyRoute } from '../strangler/legacy-route';

/** 429: the caller has reached the limit of the window. */
export class TooManyRequests extends DomainError {
  constructor(retryAfterSeconds: number) {
    super({
      status: 429,
      code: 'gateway.too-many-requests',
      title: 'Too many requests',
      detail: 'The rate limit is exceeded. Retry after Retry-After seconds.',
      retryAfterSeconds,
    });
  }
}

/** One limit: who is counted, how many requests, and which ones. */
export interface RateLimit {
  /** Name space of its keys. */
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly callerOf: (request: FastifyRequest) => string;
  /** @default every request under /v1/ */
  readonly appliesTo?: (context: ExecutionContext) => boolean;
}

/** Headers of a rejection. */
export const refusalHeaders = (limit: number, secondsLeft: number): Record<string, string> => ({
  'ratelimit-limit': String(limit),
  'ratelimit-remaining': '0',
  'ratelimit-reset': String(secondsLeft),
});

/**
 * Beyond a limit: 429 with Retry-After. Every response has RateLimit-Limit, -Remaining and -Reset
 * (draft-ietf-httpapi-ratelimit-headers-07); if several limits apply, those of the last one.
 */
export class RateLimitGuard extends ThrottlerGuard {
  protected override headerPrefix = 'RateLimit';

  constructor(limits: readonly RateLimit[], storage: ThrottlerStorage, reflector: Reflector) {
    super({ throttlers: limits.map(throttlerOf) }, storage, reflector);
  }

  /** Requests outside the API are counted per address only. Decided by the route, because an address has many spellings. */
  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    // #region part:strangler
    if (isLegacyRoute(request)) {
      return false;
    }
    // #endregion part:strangler
    const { url = '' } = request.routeOptions;
    return !url.startsWith('/v1/');
  }

  protected override async throwThrottlingException(
    context: ExecutionContext,
    { limit, timeToBlockExpire }: ThrottlerLimitDetail,
  ): Promise<void> {
    context.switchToHttp().getResponse<FastifyReply>().headers(refusalHeaders(limit, timeToBlockExpire));
    throw new TooManyRequests(timeToBlockExpire);
  }
}

/** Without a name: the throttler would append it to each header. The keys keep the limits apart. */
function throttlerOf({ name, limit, windowMs, callerOf, appliesTo }: RateLimit): ThrottlerOptions {
  return {
    limit,
    ttl: windowMs,
    getTracker: (_request, context) => callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
    // One budget for all routes.
    generateKey: (_context, caller) => `${name} ${caller}`,
    ...(appliesTo !== undefined && { skipIf: (context: ExecutionContext) => !appliesTo(context) }),
  };
}
