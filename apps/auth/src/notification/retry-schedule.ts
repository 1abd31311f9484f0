import { withJitter } from '@rookery/resilience';

/** Age at which a mail is no longer useful, milliseconds. */
export const MAX_AGE_MS = 24 * 3_600_000;
/** More than fit into that time while the process lives: this ends a mail that crashes the process. */
export const MAX_ATTEMPTS = 200;

const FIRST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 600_000;

/** Milliseconds until the next attempt: doubled each time, capped, and up to a quarter longer. */
export const retryDelayMs = (attempts: number, random: () => number = Math.random): number =>
  Math.round(withJitter(Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, attempts - 1)), random));

/** Whether it is too late for an attempt; `attempts` includes it. */
export const isExpired = (
  { attempts, occurredAt }: { readonly attempts: number; readonly occurredAt: Date },
  now: Date,
): boolean => attempts > MAX_ATTEMPTS || now.getTime() - occurredAt.getTime() > MAX_AGE_MS;
