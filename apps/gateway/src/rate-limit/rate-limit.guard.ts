import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import {
  ThrottlerGuard,
  type ThrottlerLimitDetail,
  type ThrottlerOptions,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import { DomainError } from '@rookery/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isLegacyRoute } from '../strangler/legacy-route';

/** The caller has used up what the window allows. */
export class TooManyRequests extends DomainError {
  constructor(retryAfterSeconds: number) {
    super({
      status: 429,
      code: 'gateway.too-many-requests',
      title: 'Too many requests',
      detail: 'Try again after Retry-After seconds.',
      retryAfterSeconds,
    });
  }
}

/** One limit: who is counted, how much of him, and for which requests. */
export interface RateLimit {
  /** What is counted; its keys are apart from those of other names. */
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly callerOf: (request: FastifyRequest) => string;
  /** Unless told, every request under /v1/. */
  readonly appliesTo?: (context: ExecutionContext) => boolean;
}

/** What a refusal says of the window. */
export const refusalHeaders = (limit: number, secondsLeft: number): Record<string, string> => ({
  'ratelimit-limit': String(limit),
  'ratelimit-remaining': '0',
  'ratelimit-reset': String(secondsLeft),
});

/**
 * Past a limit: 429 with Retry-After. Every answer has RateLimit-Limit, -Remaining and -Reset
 * (draft-ietf-httpapi-ratelimit-headers-07); where several limits apply, those of the last.
 */
export class RateLimitGuard extends ThrottlerGuard {
  protected override headerPrefix = 'RateLimit';

  constructor(limits: readonly RateLimit[], storage: ThrottlerStorage, reflector: Reflector) {
    super({ throttlers: limits.map(throttlerOf) }, storage, reflector);
  }

  /** What is no part of the API is counted per address only. By the route: one address can be spelled in many ways. */
  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { url = '' } = request.routeOptions;
    return !url.startsWith('/v1/') && !isLegacyRoute(request);
  }

  protected override async throwThrottlingException(
    context: ExecutionContext,
    { limit, timeToBlockExpire }: ThrottlerLimitDetail,
  ): Promise<void> {
    context.switchToHttp().getResponse<FastifyReply>().headers(refusalHeaders(limit, timeToBlockExpire));
    throw new TooManyRequests(timeToBlockExpire);
  }
}

/** Without a name of its own: the throttler would put it behind each header's. The keys keep limits apart. */
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
