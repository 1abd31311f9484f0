import { DomainError, statusTitle } from '@rookery/platform';

/** 502: the legacy system cannot be reached, hung up, or answered something that is no HTTP or more than is taken. */
export class LegacyUnreachable extends DomainError {
  constructor(options?: ErrorOptions) {
    super(
      {
        status: 502,
        code: 'gateway.legacy-unreachable',
        title: 'Bad gateway',
        detail: 'The system behind this address cannot be reached. The request may have taken effect all the same.',
        retryAfterSeconds: 1,
      },
      options,
    );
  }
}

/** 503: the legacy system has as much in hand as it may have, or failed repeatedly a moment ago. It was not asked. */
export class LegacyUnavailable extends DomainError {
  constructor(detail: string) {
    const code = 'gateway.legacy-unavailable';
    super({ status: 503, code, title: 'Service unavailable', detail, retryAfterSeconds: 1 });
  }
}

/** A 5xx of the legacy system itself: its status stays, its page does not, for nobody here knows what it tells. */
export class LegacyFailed extends DomainError {
  constructor(status: number, retryAfterSeconds: number | undefined) {
    super({
      status,
      code: 'gateway.legacy-failed',
      title: statusTitle(status),
      detail: 'The system behind this address answered with an error. Quote the correlation id to have it looked up.',
      retryAfterSeconds,
    });
  }
}

/** The client went away before there was an answer: nobody reads this; the log's number for it is nginx's. */
export class ClientGone extends DomainError {
  constructor() {
    super({ status: 499, code: 'request.abandoned', title: 'Client gone', detail: 'Nobody waits for the answer.' });
  }
}
