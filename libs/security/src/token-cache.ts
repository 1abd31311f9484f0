import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Bound of all values together, bytes: a token may carry as much as a header holds. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Memory per entry beside its value: the hash and its places in the LRU lists. */
const ENTRY_BYTES = 512;
/** A string with one character beyond Latin-1 takes two bytes for each. */
const BYTES_PER_CHARACTER = 2;

/** Bounds of a `TokenCache`. */
export interface TokenCacheOptions {
  /** Most tokens. */
  readonly size: number;
  /** Lifetime of an entry, milliseconds. */
  readonly ttlMs: number;
  /**
   * Size of all values together, bytes.
   * @default 16 MiB
   */
  readonly maxBytes?: number;
}

/**
 * Caches the content of verified tokens for a short time, so that a busy client does not cost a signature check per request. Stores
 * hashes, never tokens. Bounded in number and size; the least recently used entry is evicted. The lifetime is checked here, not by
 * the `ttl` of lru-cache, because it ends by the clock of the caller: an access token by the wall clock, an issued one by elapsed time.
 */
export class TokenCache<Value> {
  private readonly entries: LRUCache<string, { readonly value: Value; readonly until: number }>;

  constructor(
    private readonly options: TokenCacheOptions,
    private readonly now: () => number = Date.now,
  ) {
    this.entries = new LRUCache({
      max: options.size,
      maxSize: options.maxBytes ?? MAX_BYTES,
      sizeCalculation: ({ value }) => ENTRY_BYTES + BYTES_PER_CHARACTER * JSON.stringify(value).length,
    });
  }

  get(token: string): Value | undefined {
    const key = hash(token);
    const entry = this.entries.get(key);
    if (entry === undefined) {
      return undefined;
    }
    if (entry.until > this.now()) {
      return entry.value;
    }
    this.entries.delete(key);
    return undefined;
  }

  /** Stores a value until `ttlMs` from now or the token's expiry, whichever is first. */
  set(token: string, value: Value, expiresAtMs: number): void {
    const until = Math.min(expiresAtMs, this.now() + this.options.ttlMs);
    this.entries.set(hash(token), { value, until });
  }
}

const hash = (token: string): string => createHash('sha256').update(token).digest('base64url');
