/** Attempts of an authorization before it is abandoned. Captures, voids and refunds are retried until they succeed: they are owed. */
export const MAX_AUTHORIZATION_TRIES = 4;

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 30_000;

/** Milliseconds until the next try: doubled each time, capped; half of it at random, so that many payments do not retry at once. */
export function retryDelayMs(tries: number, random: () => number = Math.random): number {
  const full = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, tries - 1));
  return Math.round(full / 2 + (full / 2) * random());
}
