import { type DynamicModule, Module } from '@nestjs/common';
import { MessagingModule, natsOptions } from '@rookery/messaging';
import { Cursors } from '@rookery/platform';
import { RedisModule } from '@rookery/resilience';
import { SecurityModule } from '@rookery/security';
import { apiControllers } from './api-controllers';
import { AsyncApiController } from './asyncapi/asyncapi.controller';
import { ClockSkewModule } from './clock-skew/clock-skew.module';
import type { GatewayConfig } from './gateway.config';
import { OrderStreamsModule } from './orders/order-streams.module';
import { ProductCacheModule } from './product-cache/product-cache.module';
import { RateLimitModule } from './rate-limit/rate-limit.module';
import { StranglerModule } from './strangler/strangler.module';

/** The HTTP edge: authenticates and validates each request and forwards it to the service that owns the data. */
@Module({})
export class GatewayModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        MessagingModule.forRoot(natsOptions('gateway', config)),
        RedisModule.forRoot({ name: 'gateway', url: config.REDIS_URL }),
        ...guards(config),
        ...legacy(config), // part:strangler
        ProductCacheModule.forRoot(config),
        OrderStreamsModule.forRoot(config),
        ClockSkewModule,
      ],
      controllers: [...apiControllers, AsyncApiController],
      providers: [{ provide: Cursors, useFactory: () => new Cursors(config.CURSOR_KEY, 'dead-letters') }],
    };
  }
}

/** Guards run in this order: the rate limit needs the subject that authentication finds. */
const guards = (config: GatewayConfig): readonly DynamicModule[] => [
  SecurityModule.forHttp({
    issuer: config.OIDC_ISSUER,
    audience: config.OIDC_AUDIENCE,
    issuerAddress: config.OIDC_DISCOVERY_URL,
    algorithms: config.OIDC_ALGORITHMS,
    type: config.OIDC_TOKEN_TYPE,
    caller: 'gateway',
    signingKey: config.INTERNAL_SIGNING_KEY,
  }),
  RateLimitModule.forSubjects({
    requestsPerMinute: config.RATE_LIMIT_PER_MINUTE,
    registrationsPerHour: config.REGISTRATION_LIMIT_PER_HOUR,
  }),
];

// #region part:strangler
const legacy = ({ STRANGLER_ROUTES: routes, PUBLIC_URL: publicUrl }: GatewayConfig): readonly DynamicModule[] =>
  routes.length === 0 ? [] : [StranglerModule.forRoot(routes, { publicUrl, ownControllers: apiControllers })];
// #endregion part:strangler
