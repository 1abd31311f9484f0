import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Size of all that is remembered together, bytes: an issuer may say as much of a caller as a header holds. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What an entry takes beside its value: the hash and its places in the cache’s lists. */
const ENTRY_BYTES = 512;
/** A text with one letter beyond Latin-1 takes two bytes for each. */
const BYTES_PER_CHARACTER = 2;

/** How much is remembered, and for how long. */
export interface TokenCacheOptions {
  /** Tokens at a time. */
  readonly size: number;
  readonly ttlMs: number;
  /** Size of all values together, bytes. Default 16 MiB. */
  readonly maxBytes?: number;
}

/**
 * Remembers for a short time what a verified token said, so that a busy client does not cost a signature check per request.
 * Holds hashes, never tokens; bounded in number and size, and the entry that was used longest ago makes room for a new one.
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
    if (entry === undefined) return undefined;
    if (entry.until > this.now()) return entry.value;
    this.entries.delete(key);
    return undefined;
  }

  /** Remembers until `ttlMs` from now or the token's own end, whichever is first. */
  set(token: string, value: Value, expiresAtMs: number): void {
    const until = Math.min(expiresAtMs, this.now() + this.options.ttlMs);
    this.entries.set(hash(token), { value, until });
  }
}

const hash = (token: string): string => createHash('sha256').update(token).digest('base64url');
