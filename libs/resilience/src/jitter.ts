/**
 * A wait, up to a quarter longer: what failed together must not come back together. Never shorter, because the waits have to add
 * up to more than a dependency may be away.
 */
export const withJitter = (ms: number, random: () => number = Math.random): number => ms * (1 + random() / 4);

/** A wait anywhere between nothing and `ms`: spreads repetitions best where none of them has to wait ("full jitter"). */
export const fullJitter = (ms: number, random: () => number = Math.random): number => ms * random();
