import { backoff, withJitter } from '@rookery/platform';

/** Age at which a mail is no longer useful, milliseconds. */
export const MAX_AGE_MS = 24 * 3_600_000;
/** More than fit into that time while the process lives: this ends a mail that crashes the process. */
export const MAX_ATTEMPTS = 200;

const RETRY = { firstMs: 5_000, longestMs: 600_000 } as const;

/** Milliseconds until the next attempt: doubled each time, capped, and up to a quarter longer. */
export const retryDelayMs = (attempts: number, random: () => number = Math.random): number =>
  Math.round(withJitter(backoff(attempts, RETRY), random));

/** Whether it is too late for an attempt; `attempts` includes it. */
export const isExpired = (
  { attempts, occurredAt }: { readonly attempts: number; readonly occurredAt: Date },
  now: Date,
): boolean => attempts > MAX_ATTEMPTS || now.getTime() - occurredAt.getTime() > MAX_AGE_MS;
