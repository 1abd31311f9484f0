import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { Clock } from '@rookery/platform';
import { RateLimitGuard, type RateLimits } from './rate-limit.guard';

/** Import it after the module whose guard finds out who is asking. */
@Module({})
export class RateLimitModule {
  static forRoot(limits: RateLimits): DynamicModule {
    return {
      module: RateLimitModule,
      providers: [
        {
          provide: APP_GUARD,
          inject: [Reflector, Clock],
          useFactory: (reflector: Reflector, clock: Clock) => new RateLimitGuard(limits, reflector, clock),
        },
      ],
    };
  }
}
