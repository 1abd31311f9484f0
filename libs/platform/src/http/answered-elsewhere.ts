/**
 * Ends the handling of a request that was answered past its route: throw it once the answer has been handed to the reply. No failure;
 * the filter leaves the answer alone.
 */
export class AnsweredElsewhere extends Error {}
