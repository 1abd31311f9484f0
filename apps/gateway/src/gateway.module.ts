import { Module, type DynamicModule } from '@nestjs/common';
import { rpcEdges } from '@rookery/contracts';
import { MessagingModule, natsOptions, Nats, RpcClient, secondsAheadOfMost } from '@rookery/messaging';
import { Clock, ClockSkew, Cursors, HealthChecks, HealthModule, Metrics, Readiness } from '@rookery/platform';
import { Redis, RedisModule } from '@rookery/resilience';
import { SecurityModule } from '@rookery/security';
import { apiControllers } from './api-controllers';
import { AsyncApiController } from './asyncapi/asyncapi.controller';
import type { GatewayConfig } from './gateway.config';
import { OrderStreams } from './orders/order-streams';
import { MemoryCache } from './product-cache/memory-cache';
import { ProductCache } from './product-cache/product-cache';
import { invalidateOnChanges } from './product-cache/product-changes';
import { RedisCache } from './product-cache/redis-cache';
import { RateLimitModule } from './rate-limit/rate-limit.module';
import { StranglerModule } from './strangler/strangler.module';

/** The HTTP edge: checks who asks and what is asked, and passes it on to the service that owns the answer. */
@Module({})
export class GatewayModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    const limits = {
      requestsPerMinute: config.RATE_LIMIT_PER_MINUTE,
      registrationsPerHour: config.REGISTRATION_LIMIT_PER_HOUR,
    };
    const ttlSeconds = Math.max(1, config.PRODUCT_CACHE_SECONDS, config.PRODUCT_STALE_SECONDS);
    return {
      module: GatewayModule,
      imports: [
        HealthModule.register(),
        MessagingModule.forRoot(natsOptions('gateway', config)),
        RedisModule.forRoot({ name: 'gateway', url: config.REDIS_URL }),
        // Guards run in this order: subjects are counted once they are known.
        SecurityModule.forHttp({
          issuer: config.OIDC_ISSUER,
          audience: config.OIDC_AUDIENCE,
          issuerAddress: config.OIDC_DISCOVERY_URL,
          algorithms: config.OIDC_ALGORITHMS,
          type: config.OIDC_TOKEN_TYPE,
          caller: 'gateway',
          signingKey: config.INTERNAL_SIGNING_KEY,
        }),
        RateLimitModule.forSubjects(limits),
        ...(config.STRANGLER_ROUTES.length > 0
          ? [
              StranglerModule.forRoot(config.STRANGLER_ROUTES, {
                publicUrl: config.PUBLIC_URL,
                ownControllers: apiControllers,
              }),
            ]
          : []),
      ],
      controllers: [...apiControllers, AsyncApiController],
      providers: [
        { provide: Cursors, useFactory: () => new Cursors(config.CURSOR_KEY, 'dead-letters') },
        {
          provide: ProductCache,
          inject: [RpcClient, Redis, Nats, Clock, Metrics],
          useFactory: (rpc: RpcClient, redis: Redis, nats: Nats, clock: Clock, metrics: Metrics) => {
            const memory = new MemoryCache({ ttlMs: ttlSeconds * 1_000 });
            const store = redis.isConfigured ? new RedisCache(redis, memory, ttlSeconds) : memory;
            const cache = new ProductCache(rpc, store, clock, metrics, {
              freshMs: config.PRODUCT_CACHE_SECONDS * 1_000,
              staleMs: config.PRODUCT_STALE_SECONDS * 1_000,
              timeoutMs: config.REQUEST_TIMEOUT_MS,
            });
            invalidateOnChanges(nats, cache);
            return cache;
          },
        },
        {
          // It has no database to compare with.
          provide: ClockSkew,
          inject: [Nats, Metrics, HealthChecks],
          useFactory: (nats: Nats, metrics: Metrics, checks: HealthChecks) => {
            const ahead = secondsAheadOfMost(nats, rpcEdges.gateway);
            const skew = new ClockSkew(ahead, 'the clocks of most services', metrics);
            checks.add(skew);
            return skew;
          },
        },
        {
          provide: OrderStreams,
          inject: [Nats, RpcClient, Readiness],
          useFactory: (nats: Nats, rpc: RpcClient, readiness: Readiness) =>
            new OrderStreams(nats, rpc, readiness, {
              heartbeatMs: config.STREAM_HEARTBEAT_SECONDS * 1_000,
              streamsPerSubject: config.STREAMS_PER_SUBJECT,
            }),
        },
      ],
    };
  }
}
