import type { Deadline } from '@rookery/platform';

/**
 * Each hop keeps so much of its time for the way of the answer, milliseconds: whoever is called has to answer before its caller has
 * given up, or the caller would blame it for what a service behind it did not do.
 */
export const ANSWER_MARGIN_MS = 100;
/** With less than this nothing is begun: it would not be done in time. */
const LEAST_MS = 50;

/** The deadline that is passed on by someone who has until `deadline`. */
export const deadlineForNextHop = (deadline: Deadline): Deadline => deadline.earlierBy(ANSWER_MARGIN_MS);

/** Whether there is still time to ask somebody else, after a pause of `waitMs`. */
export const timeForAnotherHop = (deadline: Deadline, waitMs = 0): boolean =>
  deadlineForNextHop(deadline).msLeft - waitMs >= LEAST_MS;
