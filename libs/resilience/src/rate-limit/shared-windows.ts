import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '@rookery/platform';
import type { Redis, RedisCommands } from '../redis/redis';
import { FixedWindows, secondsIn, type WindowState } from './fixed-windows';

/** One script, so that a crash in between leaves no counter without an expiry. */
const HIT = `
local hits = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {hits, left}`;

const HitAnswer = z.tuple([z.number(), z.number()]);

/**
 * Counts hits per key in fixed windows that all replicas share through Redis. While Redis is away each replica continues with its
 * own count, so with n replicas a caller may then have up to n times the limit.
 */
export class SharedWindows {
  private readonly local: FixedWindows;

  constructor(
    /** Name space of the keys in Redis. */
    private readonly name: string,
    private readonly windowMs: number,
    private readonly redis: Redis,
    clock: Clock,
  ) {
    this.local = new FixedWindows(windowMs, clock);
  }

  async hit(key: string): Promise<WindowState> {
    // Always counted locally too: when Redis fails within a window, no caller starts from zero.
    const local = this.local.hit(key);
    if (!this.redis.isConfigured) {
      return local;
    }
    return (await this.redis.ask((redis) => this.hitShared(redis, key))) ?? local;
  }

  private async hitShared(redis: RedisCommands, key: string): Promise<WindowState> {
    // Addresses and subjects are personal data, so Redis stores their hash.
    const hash = createHash('sha256').update(key).digest('base64url');
    const answer = await redis.eval(HIT, {
      keys: [`rookery:limit:${this.name}:${hash}`],
      arguments: [String(this.windowMs)],
    });
    const [hits, leftMs] = HitAnswer.parse(answer);
    return { hits, secondsLeft: secondsIn(leftMs) };
  }
}
