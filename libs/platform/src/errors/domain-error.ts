import { STATUS_CODES } from 'node:http';
import { type CallRefusal, type Money, type Problem, type ProblemDetail, problemType } from '@rookery/contracts';

/** The content of a refusal. Everything here reaches clients: no internals, no secrets. */
export interface Refusal {
  readonly status: number;
  /** Stable and machine readable, `<service>.<fact>`. */
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly ProblemDetail[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
  /** The failed service behind this one; absent when the responding service itself failed. */
  readonly dependency?: string | undefined;
  /** The total that the client expected, and the current one. */
  readonly totals?: { readonly expectedTotal: Money; readonly total: Money } | undefined;
  /** Value of WWW-Authenticate (RFC 6750, section 3). HTTP only; not part of the problem. */
  readonly challenge?: string | undefined;
}

/** A refusal that is part of the contract: the caller receives it as a Problem (RFC 9457). Subclasses are named after the fact. */
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

/** 400: lists what is wrong with the request, and where. */
export class InvalidInput extends DomainError {
  constructor(errors: readonly ProblemDetail[], detail = 'The request is not valid: see errors.') {
    super({ status: 400, code: 'request.invalid', title: 'Invalid request', detail, errors });
  }
}

/** Refuses the calling process, not its user. The caller turns it into a 503 (`RefusedCall` in resilience). */
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

/** 400: a cursor that this list did not issue, or issued for another filter, sort or caller. */
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

/** 401: the request has no valid credentials. */
export class Unauthenticated extends DomainError {
  constructor(
    code = 'auth.missing-token',
    detail = 'An access token is required: send "Authorization: Bearer <token>".',
    challenge = 'Bearer realm="rookery"',
  ) {
    super({ status: 401, code, title: 'Unauthenticated', detail, challenge });
  }
}

/** 403: the caller is authenticated but not permitted. */
export class Forbidden extends DomainError {
  constructor(code = 'auth.forbidden', detail = 'You are not allowed to do this.', challenge?: string) {
    super({ status: 403, code, title: 'Forbidden', detail, challenge });
  }
}

/** Further facts about a failed dependency. */
export interface Outage extends ErrorOptions {
  /** @default 'unavailable' */
  readonly code?: string | undefined;
  /** The failed service, when it is another one. */
  readonly dependency?: string | undefined;
}

/** 503: a dependency does not respond; a retry makes sense. */
export class ServiceUnavailable extends DomainError {
  constructor(
    detail = 'A service that this request needs is not responding.',
    retryAfterSeconds = 1,
    { code = 'unavailable', dependency, ...options }: Outage = {},
  ) {
    super({ status: 503, code, title: 'Service unavailable', detail, retryAfterSeconds, dependency }, options);
  }
}

/** `code` of the 503 of a service at its concurrency limit: it is alive, and another replica may accept the request. */
export const OVERLOADED = 'overloaded';

/** 504: no response in time. The request may have taken effect. */
export class DeadlineExceeded extends DomainError {
  constructor(
    detail = 'There was no answer in time. The request may have taken effect all the same.',
    { dependency, ...options }: Omit<Outage, 'code'> = {},
  ) {
    const title = 'Deadline exceeded';
    super({ status: 504, code: 'deadline-exceeded', title, detail, retryAfterSeconds: 1, dependency }, options);
  }
}

/** A problem of another service, passed on unchanged. A failure (5xx) names that service, unless it names one behind it. */
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
