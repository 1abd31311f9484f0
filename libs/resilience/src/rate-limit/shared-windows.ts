import { createHash } from 'node:crypto';
import type { Clock } from '@rookery/platform';
import { z } from 'zod';
import type { Redis, RedisCommands } from '../redis/redis';
import { FixedWindows, secondsIn, type WindowState } from './fixed-windows';

/** One step, so that a crash in between leaves no counter without an end. */
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
 * Counts hits per key in fixed windows, together with the other replicas through Redis. While Redis is away each replica goes on
 * with what it counted itself, so a caller may then have up to n times as much with n of them.
 */
export class SharedWindows {
  private readonly own: FixedWindows;

  constructor(
    /** What is counted: keys of two names are apart. */
    private readonly name: string,
    private readonly windowMs: number,
    private readonly redis: Redis,
    clock: Clock,
  ) {
    this.own = new FixedWindows(windowMs, clock);
  }

  async hit(key: string): Promise<WindowState> {
    // Counted here in any case: when Redis goes away in mid-window, nobody starts afresh.
    const own = this.own.hit(key);
    if (!this.redis.isConfigured) return own;
    return (await this.redis.ask((redis) => this.hitShared(redis, key))) ?? own;
  }

  private async hitShared(redis: RedisCommands, key: string): Promise<WindowState> {
    // Addresses and subjects are personal data: Redis gets their hash.
    const hash = createHash('sha256').update(key).digest('base64url');
    const answer = await redis.eval(HIT, {
      keys: [`rookery:limit:${this.name}:${hash}`],
      arguments: [String(this.windowMs)],
    });
    const [hits, leftMs] = HitAnswer.parse(answer);
    return { hits, secondsLeft: secondsIn(leftMs) };
  }
}
