import { backoff, halfJitter } from '@rookery/platform';

/** Tries of an authorization before it is given up. Captures, voids and refunds are tried until they succeed: they are owed. */
export const MAX_AUTHORIZATION_TRIES = 4;

const RETRY = { firstMs: 200, longestMs: 30_000 } as const;

/** Milliseconds until the next try: doubled each time up to a limit, and half of it random, so that many payments do not retry at once. */
export const retryDelayMs = (tries: number, random: () => number = Math.random): number =>
  Math.round(halfJitter(backoff(tries, RETRY), random));
