import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { Clock, currentContext } from '@rookery/platform';
import { limitedAddress, Redis } from '@rookery/resilience';
import type { FastifyRequest } from 'fastify';
import { RateLimitGuard, type RateLimit } from './rate-limit.guard';
import { isRegistration } from './registration-limit.decorator';
import { WindowStorage } from './window-storage';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** So many subjects may share an address: a household, an office, a mobile network's gateway. */
const SUBJECTS_PER_ADDRESS = 10;

/** How much one caller may ask for. */
export interface RateLimits {
  readonly requestsPerMinute: number;
  readonly registrationsPerHour: number;
}

/** `ip` heeds X-Forwarded-For from proxies in TRUST_PROXY only. */
const addressOf = (request: FastifyRequest): string => limitedAddress(request.ip);

const subjectOrAddressOf = (request: FastifyRequest): string => {
  const actor = currentContext()?.actor;
  return actor === undefined ? addressOf(request) : `${actor.issuer} ${actor.subject}`;
};

/** The limits of the gateway. */
@Module({})
export class RateLimitModule {
  /**
   * Per address, ten times what one subject may: also of requests whose token is refused, and of one customer's many accounts.
   * Import it before the module whose guard finds out who is asking.
   */
  static forAddresses({ requestsPerMinute }: RateLimits): DynamicModule {
    return limiting(() => [
      {
        name: 'address',
        limit: requestsPerMinute * SUBJECTS_PER_ADDRESS,
        windowMs: MINUTE_MS,
        callerOf: addressOf,
        isAnnounced: false,
      },
    ]);
  }

  /** Per subject or, without a token, per address; and registrations per address. Import it after that module. */
  static forSubjects({ requestsPerMinute, registrationsPerHour }: RateLimits): DynamicModule {
    return limiting((reflector) => [
      {
        name: 'requests',
        limit: requestsPerMinute,
        windowMs: MINUTE_MS,
        callerOf: subjectOrAddressOf,
        isAnnounced: true,
      },
      {
        name: 'registrations',
        limit: registrationsPerHour,
        windowMs: HOUR_MS,
        callerOf: addressOf,
        appliesTo: (context) => isRegistration(reflector, context),
        isAnnounced: true,
      },
    ]);
  }
}

function limiting(limitsOf: (reflector: Reflector) => readonly RateLimit[]): DynamicModule {
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
