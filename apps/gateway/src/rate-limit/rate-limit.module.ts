import { type DynamicModule, Module } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Clock, currentContext } from '@rookery/platform';
import { limitedAddress, Redis } from '@rookery/resilience';
import { type RateLimit, RateLimitGuard } from './rate-limit.guard';
import { isRegistration } from './registration-limit.decorator';
import { WindowStorage } from './window-storage';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Requests that one caller may send. */
export interface RateLimits {
  readonly requestsPerMinute: number;
  readonly registrationsPerHour: number;
}

/** `ip` respects X-Forwarded-For only from proxies in TRUST_PROXY. */
const addressOf = (request: FastifyRequest): string => limitedAddress(request.ip);

const subjectOrAddressOf = (request: FastifyRequest): string => {
  const actor = currentContext()?.actor;
  return actor === undefined ? addressOf(request) : `${actor.issuer} ${actor.subject}`;
};

/** The limits of the API. `limitAddresses` adds those per address for every path. */
@Module({})
export class RateLimitModule {
  /** Requests per subject or, without a token, per address; registrations per address. Import it after the module that authenticates. */
  static forSubjects({ requestsPerMinute, registrationsPerHour }: RateLimits): DynamicModule {
    const limitsOf = (reflector: Reflector): readonly RateLimit[] => [
      { name: 'requests', limit: requestsPerMinute, windowMs: MINUTE_MS, callerOf: subjectOrAddressOf },
      {
        name: 'registrations',
        limit: registrationsPerHour,
        windowMs: HOUR_MS,
        callerOf: addressOf,
        appliesTo: (context) => isRegistration(reflector, context),
      },
    ];
    return {
      module: RateLimitModule,
      providers: [
        {
          provide: APP_GUARD,
          inject: [Reflector, Redis, Clock],
          useFactory: (reflector: Reflector, redis: Redis, clock: Clock) =>
            new RateLimitGuard(limitsOf(reflector), new WindowStorage(redis, clock), reflector),
        },
      ],
    };
  }
}
