import { type DynamicModule, Module } from '@nestjs/common';
import { Metrics } from '@rookery/platform';
import { Redis, type RedisOptions } from './redis';

/** The process's only Redis client, available in every module. Without a URL, `Redis` exists too and never answers. */
@Module({})
export class RedisModule {
  static forRoot(options: RedisOptions): DynamicModule {
    return {
      module: RedisModule,
      global: true,
      providers: [
        { provide: Redis, inject: [Metrics], useFactory: (metrics: Metrics) => Redis.start(options, metrics) },
      ],
      exports: [Redis],
    };
  }
}
