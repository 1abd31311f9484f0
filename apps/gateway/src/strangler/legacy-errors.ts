import { DomainError, statusTitle } from '@rookery/platform';

/** 502: the legacy system is unreachable, closed the connection, or sent invalid HTTP or too large a response. */
export class LegacyUnreachable extends DomainError {
  constructor(options?: ErrorOptions) {
    super(
      {
        status: 502,
        code: 'gateway.legacy-unreachable',
        title: 'Bad gateway',
        detail: 'The system behind this address cannot be reached. The request may still have taken effect.',
        retryAfterSeconds: 1,
      },
      options,
    );
  }
}

/** 503: the bulkhead of the legacy system is full, or its breaker is open. The request was not forwarded. */
export class LegacyUnavailable extends DomainError {
  constructor(detail: string) {
    const code = 'gateway.legacy-unavailable';
    super({ status: 503, code, title: 'Service unavailable', detail, retryAfterSeconds: 1 });
  }
}

/** A 5xx of the legacy system: its status is kept, its page is not, because it may reveal internals. */
export class LegacyFailed extends DomainError {
  constructor(status: number, retryAfterSeconds: number | undefined) {
    super({
      status,
      code: 'gateway.legacy-failed',
      title: statusTitle(status),
      detail: 'The system behind this address answered with an error. Quote the correlation id to support.',
      retryAfterSeconds,
    });
  }
}

/** The client left before the response. Only the log shows this, with the status that nginx uses. */
export class ClientGone extends DomainError {
  constructor() {
    super({
      status: 499,
      code: 'request.abandoned',
      title: 'Client gone',
      detail: 'The client closed the connection before the response.',
    });
  }
}
