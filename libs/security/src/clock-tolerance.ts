import { UNREADY_CLOCK_SKEW_SECONDS } from '@rookery/platform';

/**
 * So far may the clock of who signed a token be from the clock of who verifies it. Two processes that are both ready are apart by less
 * than twice what readiness allows one of them; the rest is for times in whole seconds at either end.
 */
export const CLOCK_TOLERANCE_SECONDS = 2 * UNREADY_CLOCK_SKEW_SECONDS + 2;
