import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Redis } from '@rookery/resilience';
import type { CacheEntry, CacheStore, Lookup } from './cache-store';

const PREFIX = 'rookery:products:';
/** Set by a gateway that could not write an invalidation to Redis; every entry depends on it. */
const MISSED = 'missed';
/** Longer than any entry lives: an expired tag would look as if it had never been set. */
const TAG_SECONDS = 25 * 60 * 60;

/** The names are those of the stored JSON, which replicas of another release read too. */
const StoredEntry = z.object({
  body: z.string(),
  tag: z.string(),
  at: z.number(),
  marks: z.array(z.string().nullable()),
});

/**
 * A cache that all gateways share through Redis. While Redis is away each gateway uses its own memory, and nothing that Redis
 * stored before the outage is valid after it.
 */
export class RedisCache implements CacheStore {
  /** Invalidations that Redis missed, and how many of them it has caught up on. It may have missed any before this process started. */
  private missed = 1;
  private caughtUpTo = 0;

  constructor(
    private readonly redis: Redis,
    /** Used while Redis does not answer. */
    private readonly fallback: CacheStore,
    private readonly ttlSeconds: number,
  ) {}

  async lookup(key: string, names: readonly string[]): Promise<Lookup> {
    const shared = (await this.catchUp()) ? await this.lookupShared(key, names) : undefined;
    return shared ?? this.fallback.lookup(key, names);
  }

  async invalidate(names: readonly string[]): Promise<void> {
    await this.fallback.invalidate(names);
    if (!(await this.replaceTags(names))) {
      this.missed += 1;
    }
  }

  private async lookupShared(key: string, names: readonly string[]): Promise<Lookup | undefined> {
    const values = await this.redis.ask((redis) =>
      redis.mGet([key, ...names, MISSED].map((name) => `${PREFIX}${name}`)),
    );
    if (values === undefined) {
      return undefined;
    }
    const [stored, ...tags] = values;
    return {
      entry: readEntry(stored),
      tags,
      store: async ({ body, etag }, at) => {
        const text = JSON.stringify({ body, tag: etag, at, marks: [...tags] } satisfies z.input<typeof StoredEntry>);
        const expiration = { type: 'EX', value: this.ttlSeconds } as const;
        await this.redis.ask((redis) => redis.set(`${PREFIX}${key}`, text, { expiration }));
      },
    };
  }

  /** False while a missed invalidation cannot be written to Redis: until then its entries are not used. */
  private async catchUp(): Promise<boolean> {
    const { missed } = this;
    if (this.caughtUpTo === missed) {
      return true;
    }
    if (!(await this.replaceTags([MISSED]))) {
      return false;
    }
    this.caughtUpTo = Math.max(this.caughtUpTo, missed);
    return true;
  }

  private async replaceTags(names: readonly string[]): Promise<boolean> {
    const expiration = { type: 'EX', value: TAG_SECONDS } as const;
    const done = await this.redis.ask((redis) =>
      Promise.all(names.map((name) => redis.set(`${PREFIX}${name}`, randomUUID(), { expiration }))),
    );
    return done !== undefined;
  }
}

/** Anything but what this program stores counts as a miss. */
function readEntry(text: string | null | undefined): CacheEntry | undefined {
  if (text === null || text === undefined) {
    return undefined;
  }
  try {
    const { body, tag, at, marks } = StoredEntry.parse(JSON.parse(text));
    return { body, etag: tag, at, tags: marks };
  } catch {
    return undefined;
  }
}
