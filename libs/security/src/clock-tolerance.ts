import { UNREADY_CLOCK_SKEW_SECONDS } from '@rookery/platform';

/**
 * Largest accepted difference between the clocks of a token's issuer and its verifier, seconds. The clocks of two ready processes
 * differ by less than twice what readiness allows one of them; the rest covers the rounding to whole seconds on both sides.
 */
export const CLOCK_TOLERANCE_SECONDS = 2 * UNREADY_CLOCK_SKEW_SECONDS + 2;
