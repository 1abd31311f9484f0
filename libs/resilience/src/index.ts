export * from './jitter';
export * from './rate-limit/client-address';
export * from './rate-limit/fixed-windows';
export * from './rate-limit/shared-windows';
export * from './redis/redis';
export * from './redis/redis-setting';
export * from './redis/redis.module';
