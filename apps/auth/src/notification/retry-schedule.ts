import { backoff, withJitter } from '@rookery/platform';

/** A mail about something that happened longer ago, in ms, helps nobody any more. */
export const MAX_AGE_MS = 24 * 3_600_000;
/** More than fit into that time while the process lives: they end what ends the process. */
export const MAX_ATTEMPTS = 200;

const RETRY = { firstMs: 5_000, longestMs: 600_000 } as const;

/** Milliseconds until the next attempt: doubled each time, capped, and up to a quarter longer. */
export const retryDelayMs = (attempts: number, random: () => number = Math.random): number =>
  Math.round(withJitter(backoff(attempts, RETRY), random));

/** Whether it is too late for (another attempt at) the mail; `attempts` counts the one that would be made. */
export const isExpired = (
  { attempts, occurredAt }: { readonly attempts: number; readonly occurredAt: Date },
  now: Date,
): boolean => attempts > MAX_ATTEMPTS || now.getTime() - occurredAt.getTime() > MAX_AGE_MS;
