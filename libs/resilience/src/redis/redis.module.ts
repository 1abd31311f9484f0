import { Module, type DynamicModule } from '@nestjs/common';
import { Metrics } from '@rookery/platform';
import { Redis, type RedisOptions } from './redis';

/** The process's one client of Redis; available everywhere. Without a URL there is a `Redis` too, which never answers. */
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
