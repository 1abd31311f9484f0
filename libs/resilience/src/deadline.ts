import type { Deadline } from '@rookery/platform';

/**
 * Time that each hop reserves for the response, milliseconds. A called service must respond before its caller gives up; otherwise
 * the caller would blame it for the failure of a service behind it.
 */
export const ANSWER_MARGIN_MS = 100;
/** With less time than this, a call is not started: it would not finish in time. */
const MIN_CALL_MS = 50;

/** The deadline that a hop with `deadline` passes on to the service it calls. */
export const deadlineForNextHop = (deadline: Deadline): Deadline => deadline.earlierBy(ANSWER_MARGIN_MS);

/** Whether enough time is left to call another service, after a pause of `waitMs` milliseconds. */
export const timeForAnotherHop = (deadline: Deadline, waitMs = 0): boolean =>
  deadlineForNextHop(deadline).msLeft - waitMs >= MIN_CALL_MS;
