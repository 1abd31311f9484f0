/**
 * A wait extended by up to a quarter, so that clients that failed together do not retry together. Never shorter, because the waits
 * must add up to more than the longest outage.
 */
export const withJitter = (ms: number, random: () => number = Math.random): number => ms * (1 + random() / 4);

/** A wait between 0 and `ms` ("full jitter"): spreads retries best where no minimum wait is needed. */
export const fullJitter = (ms: number, random: () => number = Math.random): number => ms * random();
