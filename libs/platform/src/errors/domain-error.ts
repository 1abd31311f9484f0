import { STATUS_CODES } from 'node:http';
import { problemType, type CallRefusal, type Money, type Problem, type ProblemDetail } from '@rookery/contracts';

/** What a refusal tells its caller. Everything here reaches the outside: no internals, no secrets. */
export interface Refusal {
  readonly status: number;
  /** Stable and machine readable, `<service>.<fact>`. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly ProblemDetail[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** The service that failed while it was asked for this one; absent when whoever answers has failed itself. */
  readonly dependency?: string | undefined;
  /** What the client expected to pay, and what it would pay. */
  readonly totals?: { readonly expectedTotal: Money; readonly total: Money } | undefined;
  /** Value of WWW-Authenticate (RFC 6750, section 3). HTTP only; not part of the problem. */
  readonly challenge?: string | undefined;
}

/** A refusal that is part of the contract: it becomes a Problem (RFC 9457) for whoever asked. Subclasses are named for the fact. */
export class DomainError extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: readonly ProblemDetail[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly dependency: string | undefined;
  readonly totals: Refusal['totals'];
  readonly challenge: string | undefined;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(`${refusal.code}: ${refusal.detail}`, options);
    this.name = new.target.name;
    this.status = refusal.status;
    this.code = refusal.code;
    this.title = refusal.title;
    this.detail = refusal.detail;
    this.errors = refusal.errors;
    this.retryAfterSeconds = refusal.retryAfterSeconds;
    this.dependency = refusal.dependency;
    this.totals = refusal.totals;
    this.challenge = refusal.challenge;
  }

  /** The problem without `instance` and `correlationId`, which belong to the request. */
  toProblem(): Problem {
    return {
      type: problemType(this.code),
      title: this.title,
      status: this.status,
      detail: this.detail,
      code: this.code,
      ...(this.errors !== undefined && { errors: [...this.errors] }),
      ...(this.retryAfterSeconds !== undefined && { retryAfterSeconds: this.retryAfterSeconds }),
      ...(this.dependency !== undefined && { dependency: this.dependency }),
      ...this.totals,
    };
  }
}

/** 400: what is wrong with the request, and where. */
export class InvalidInput extends DomainError {
  constructor(errors: readonly ProblemDetail[], detail = 'The request is not valid: see errors.') {
    super({ status: 400, code: 'request.invalid', title: 'Invalid request', detail, errors });
  }
}

/** Refuses the calling process, not the person it asks for. The caller makes a 503 of it (`RefusedCall` in resilience). */
export class CallRefused extends DomainError {
  constructor(
    code: CallRefusal,
    {
      status,
      detail,
      errors,
    }: { readonly status: 400 | 401; readonly detail: string; readonly errors?: readonly ProblemDetail[] },
  ) {
    super({ status, code, title: 'Call refused', detail, errors });
  }
}

/** 404 with a code of the resource's service. */
export class NotFound extends DomainError {
  constructor(code: string, detail: string) {
    super({ status: 404, code, title: 'Not found', detail });
  }
}

/** 400: a cursor that this list never gave, or gave for another filter, sort or caller. */
export class InvalidCursor extends DomainError {
  constructor(list: string) {
    super({
      status: 400,
      code: `${list}.invalid-cursor`,
      title: 'Invalid cursor',
      detail:
        'The cursor does not belong to this list: use the nextCursor of an earlier page with the same filter and sort.',
      errors: [{ pointer: '#/query/cursor', detail: 'must be a cursor from an earlier page of this list' }],
    });
  }
}

/** 401: nobody, or nobody that can be believed, is asking. */
export class Unauthenticated extends DomainError {
  constructor(
    code = 'auth.missing-token',
    detail = 'An access token is required: send "Authorization: Bearer <token>".',
    challenge = 'Bearer realm="rookery"',
  ) {
    super({ status: 401, code, title: 'Unauthenticated', detail, challenge });
  }
}

/** 403: the caller is known and may not. */
export class Forbidden extends DomainError {
  constructor(code = 'auth.forbidden', detail = 'You are not allowed to do this.', challenge?: string) {
    super({ status: 403, code, title: 'Forbidden', detail, challenge });
  }
}

/** What else a failure of a needed part tells. */
export interface Outage extends ErrorOptions {
  /** `unavailable` unless told. */
  readonly code?: string | undefined;
  /** The part that failed, when it is another service. */
  readonly dependency?: string | undefined;
}

/** 503: a part that is needed does not answer now; trying again makes sense. */
export class ServiceUnavailable extends DomainError {
  constructor(
    detail = 'A service that this request needs is not responding.',
    retryAfterSeconds = 1,
    { code = 'unavailable', dependency, ...options }: Outage = {},
  ) {
    super({ status: 503, code, title: 'Service unavailable', detail, retryAfterSeconds, dependency }, options);
  }
}

/** `code` of the 503 of a service that has as much in hand as it takes: it is alive, and another replica may take the request. */
export const OVERLOADED = 'overloaded';

/** 504: there was no answer in time. What was asked for may have happened. */
export class DeadlineExceeded extends DomainError {
  constructor(
    detail = 'There was no answer in time. The request may have taken effect all the same.',
    { dependency, ...options }: Omit<Outage, 'code'> = {},
  ) {
    const title = 'Deadline exceeded';
    super({ status: 504, code: 'deadline-exceeded', title, detail, retryAfterSeconds: 1, dependency }, options);
  }
}

/** A problem that another service answered, passed on as it is. A failure (5xx) names the service, unless that has named one behind it. */
export class RemoteProblem extends DomainError {
  constructor(problem: Problem, service: string) {
    super({
      status: problem.status,
      code: problem.code,
      title: problem.title,
      detail: problem.detail,
      errors: problem.errors,
      retryAfterSeconds: problem.retryAfterSeconds,
      dependency: problem.dependency ?? (problem.status >= 500 ? service : undefined),
      totals: totalsOf(problem),
    });
  }
}

function totalsOf({ expectedTotal, total }: Problem): Refusal['totals'] {
  return expectedTotal === undefined || total === undefined ? undefined : { expectedTotal, total };
}

/** The standard name of an HTTP status. */
export const statusTitle = (status: number): string => STATUS_CODES[status] ?? 'Error';
