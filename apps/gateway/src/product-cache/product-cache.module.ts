import { type DynamicModule, Module } from '@nestjs/common';
import { Nats, RpcClient } from '@rookery/messaging';
import { Clock, Metrics } from '@rookery/platform';
import { Redis } from '@rookery/resilience';
import type { GatewayConfig } from '../gateway.config';
import { MemoryCache } from './memory-cache';
import { ProductCache } from './product-cache';
import { invalidateOnChanges } from './product-changes';
import { RedisCache } from './redis-cache';

/** The cache of catalog reads: in Redis if there is one, otherwise in memory. */
@Module({})
export class ProductCacheModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    const ttlSeconds = Math.max(1, config.PRODUCT_CACHE_SECONDS, config.PRODUCT_STALE_SECONDS);
    const createCache = (rpc: RpcClient, redis: Redis, nats: Nats, clock: Clock, metrics: Metrics): ProductCache => {
      const memory = new MemoryCache({ ttlMs: ttlSeconds * 1_000 });
      const store = redis.isConfigured ? new RedisCache(redis, memory, ttlSeconds) : memory;
      const cache = new ProductCache(rpc, store, clock, metrics, {
        freshMs: config.PRODUCT_CACHE_SECONDS * 1_000,
        staleMs: config.PRODUCT_STALE_SECONDS * 1_000,
        timeoutMs: config.REQUEST_TIMEOUT_MS,
      });
      invalidateOnChanges(nats, cache);
      return cache;
    };
    return {
      module: ProductCacheModule,
      providers: [{ provide: ProductCache, inject: [RpcClient, Redis, Nats, Clock, Metrics], useFactory: createCache }],
      exports: [ProductCache],
    };
  }
}
