import type { ThrottlerStorage } from '@nestjs/throttler';
import type { Clock } from '@rookery/platform';
import { type Redis, SharedWindows } from '@rookery/resilience';

type Hits = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/**
 * The throttler's counters in fixed windows: bounded in this process's memory, or shared through Redis. (The throttler's own storage
 * holds every hit of every key for a window, without a bound.)
 */
export class WindowStorage implements ThrottlerStorage {
  /** By length, so that a flood of one-minute keys cannot evict those of an hour. */
  private readonly windows = new Map<number, SharedWindows>();

  constructor(
    private readonly redis: Redis,
    private readonly clock: Clock,
  ) {}

  async increment(key: string, ttl: number, limit: number): Promise<Hits> {
    const { hits, secondsLeft } = await this.windowsOf(ttl).hit(key);
    return {
      totalHits: hits,
      timeToExpire: secondsLeft,
      isBlocked: hits > limit,
      // A rejected caller may retry when the window ends, not a whole window later.
      timeToBlockExpire: secondsLeft,
    };
  }

  private windowsOf(ttl: number): SharedWindows {
    const known = this.windows.get(ttl);
    if (known !== undefined) {
      return known;
    }
    const made = new SharedWindows(`gateway:${ttl}`, ttl, this.redis, this.clock);
    this.windows.set(ttl, made);
    return made;
  }
}
