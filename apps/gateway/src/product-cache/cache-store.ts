/** Values of some version tags at one moment. In Redis a tag that was never set is null. */
export type TagValues = readonly (string | null)[];

/** A response of products, ready to send. */
export interface CachedBody {
  /** JSON. */
  readonly body: string;
  /** Entity tag of exactly this body, in quotes. */
  readonly etag: string;
}

/** A stored response with what tells whether it is still valid. */
export interface CacheEntry extends CachedBody {
  /** When the request was sent, milliseconds since the epoch. */
  readonly at: number;
  /** The version tags before the request was sent: any later change has set another value. */
  readonly tags: TagValues;
}

/** What a store holds under a key now. */
export interface Lookup {
  readonly entry: CacheEntry | undefined;
  /** The version tags as they are now. */
  readonly tags: TagValues;
  /** Stores a response that was requested after this lookup, in the tier that the tags came from. */
  store(response: CachedBody, at: number): Promise<void>;
}

/**
 * Stores responses beside version tags, which are replaced on every change. An entry is valid while its tags equal those read before
 * its request was sent. So a slow response that is stored after a change is invalid and does no harm.
 */
export interface CacheStore {
  /** The entry under a key, and the values of the named tags. */
  lookup(key: string, tags: readonly string[]): Promise<Lookup>;
  /** Invalidates all entries that depend on these tags, by giving the tags values they never had. */
  invalidate(tags: readonly string[]): Promise<void>;
}
