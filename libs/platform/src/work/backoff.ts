/** Bounds of an exponential back-off, in ms. */
export interface Backoff {
  readonly firstMs: number;
  /** @default no limit */
  readonly longestMs?: number;
}

/** Milliseconds to wait after the given number of consecutive failures, from 1: doubled each time, without jitter. */
export const backoff = (failures: number, { firstMs, longestMs = Infinity }: Backoff): number =>
  Math.min(longestMs, firstMs * 2 ** Math.max(0, failures - 1));

/**
 * A wait that is up to a quarter longer, so that clients that failed together do not return together. It is never shorter, because
 * the waits have to add up to more than the longest outage of a dependency.
 */
export const withJitter = (ms: number, random: () => number = Math.random): number => ms * (1 + random() / 4);

/** A wait between half of `ms` and `ms`. */
export const halfJitter = (ms: number, random: () => number = Math.random): number => (ms / 2) * (1 + random());

/** A wait between 0 and `ms` ("full jitter"): spreads retries best where no retry has a least wait. */
export const fullJitter = (ms: number, random: () => number = Math.random): number => ms * random();
