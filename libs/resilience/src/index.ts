export { ANSWER_MARGIN_MS, deadlineForNextHop } from './deadline';
export { Dependency, type DependencyCall, type DependencyOptions } from './dependency';
export { CircuitOpen, NoResponder, RefusedCall } from './dependency-errors';
export { DynamicThresholdLimit } from './dynamic-threshold-limit';
export { AdaptiveLimit, type AdaptiveLimitOptions } from './load-shedding/adaptive-limit';
export { EventLoopDelay } from './load-shedding/event-loop-delay';
export {
  LoadShedder,
  Priorities,
  type Admission,
  type Decision,
  type LoadShedderOptions,
  type Priority,
  type ShedReason,
} from './load-shedding/load-shedder';
export { limitedAddress } from './rate-limit/client-address';
export type { WindowState } from './rate-limit/fixed-windows';
export { SharedWindows } from './rate-limit/shared-windows';
export { Redis, type RedisCommands, type RedisOptions } from './redis/redis';
export { redisConfig } from './redis/redis-setting';
export { RedisModule } from './redis/redis.module';
