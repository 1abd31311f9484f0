import { DomainError } from '@rookery/platform';

/** Code that identifies the failure after an exception filter has turned it into a Problem. */
export const PERMANENT_FAILURE = 'event.permanent-failure';

/** Thrown by an event handler when retries cannot succeed: the event becomes a dead letter at once. */
export class PermanentFailure extends DomainError {
  constructor(detail: string, options?: ErrorOptions) {
    super({ status: 422, code: PERMANENT_FAILURE, title: 'Permanent failure', detail }, options);
  }
}
