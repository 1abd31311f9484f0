import { DomainError } from '@rookery/platform';

/** Code by which the failure is known again after an exception filter has made a Problem of it. */
export const PERMANENT_FAILURE = 'event.permanent-failure';

/** An event handler throws it for an event that no repetition will make acceptable: the event goes to the dead letters at once. */
export class PermanentFailure extends DomainError {
  constructor(detail: string, options?: ErrorOptions) {
    super({ status: 422, code: PERMANENT_FAILURE, title: 'Permanent failure', detail }, options);
  }
}
