/**
 * Each hop keeps so much of its time for the way of the answer, milliseconds: whoever is called has to answer before its caller has
 * given up, or the caller would blame it for what a service behind it did not do.
 */
export const ANSWER_MARGIN_MS = 100;
/** With less than this nothing is begun: it would not be done in time. */
const LEAST_MS = 50;

/** The deadline that is passed on by someone who has until `deadline`; both absolute, milliseconds since the epoch. */
export const deadlineForNextHop = (deadline: number): number => deadline - ANSWER_MARGIN_MS;

/** Whether there is still time to ask somebody else. */
export const timeForAnotherHop = (deadline: number, now = Date.now()): boolean =>
  deadlineForNextHop(deadline) - now >= LEAST_MS;
