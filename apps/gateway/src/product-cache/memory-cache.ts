import { LRUCache } from 'lru-cache';
import type { CacheEntry, CacheStore, Lookup } from './cache-store';

/** Bounds over all entries; the least recently used entry is evicted first. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_ENTRIES = 50_000;
const MAX_TAGS = 50_000;
/** Memory per entry beside its strings: the object, its places in the LRU lists, and the tags. Measured, and rounded up. */
const ENTRY_BYTES = 512;
/** A string with one character beyond Latin-1 takes two bytes for each. */
const BYTES_PER_CHARACTER = 2;
/** Shortest pause between two purges of expired entries, unless entries live for less. A purge happens when an entry is stored. */
const PURGE_MS = 60_000;

/** Bounds of a `MemoryCache`. */
export interface MemoryCacheOptions {
  /** Lifetime of an entry, milliseconds. */
  readonly ttlMs: number;
  /** @default 32 MiB */
  readonly maxBytes?: number;
  /** @default 50_000 */
  readonly maxEntries?: number;
  /** @default 50_000 */
  readonly maxTags?: number;
}

/** A cache in this process's memory, bounded in entries, bytes and time. */
export class MemoryCache implements CacheStore {
  private readonly entries: LRUCache<string, CacheEntry>;
  private readonly tags: LRUCache<string, string>;
  private readonly purgeEveryMs: number;
  private purgedAt = performance.now();
  private count = 0;
  /** Value of every tag that is not held. */
  private absentTag = '0';

  constructor(options: MemoryCacheOptions) {
    const { ttlMs, maxBytes = MAX_BYTES, maxEntries = MAX_ENTRIES, maxTags = MAX_TAGS } = options;
    this.purgeEveryMs = Math.min(ttlMs, PURGE_MS);
    this.entries = new LRUCache({ max: maxEntries, maxSize: maxBytes, sizeCalculation: bytesOf, ttl: ttlMs });
    this.tags = new LRUCache<string, string>({
      max: maxTags,
      // An evicted tag must not look as if it had never been set: entries that depend on it become invalid.
      dispose: (_value, _tag, reason) => {
        if (reason === 'evict') {
          this.absentTag = this.nextValue();
        }
      },
    });
  }

  /** Number of entries that take memory now. */
  get size(): number {
    return this.entries.size;
  }

  async lookup(key: string, names: readonly string[]): Promise<Lookup> {
    const tags = names.map((name) => this.tags.get(name) ?? this.absentTag);
    return {
      entry: this.entries.get(key),
      tags,
      store: async ({ body, etag }, at) => {
        this.purge();
        this.entries.set(key, { body, etag, at, tags });
      },
    };
  }

  async invalidate(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.tags.set(name, this.nextValue());
    }
  }

  /** The LRU cache itself removes an expired entry only when it is read. */
  private purge(): void {
    const now = performance.now();
    if (now - this.purgedAt < this.purgeEveryMs) {
      return;
    }
    this.purgedAt = now;
    this.entries.purgeStale();
  }

  private nextValue(): string {
    this.count += 1;
    return String(this.count);
  }
}

/** Memory that an entry takes, including the key: a client could choose its length. */
function bytesOf({ body, etag, tags }: CacheEntry, key: string): number {
  const characters = tags.reduce((sum, tag) => sum + (tag?.length ?? 0), key.length + body.length + etag.length);
  return ENTRY_BYTES + BYTES_PER_CHARACTER * characters;
}
