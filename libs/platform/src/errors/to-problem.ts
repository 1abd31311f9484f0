import { HttpException } from '@nestjs/common';
import { Problem, problemType } from '@rookery/contracts';
import { currentContext } from '../context/request-context';
import { DomainError, statusTitle } from './domain-error';

/** Codes and texts for refusals of the framework: its own texts may repeat what the caller sent. */
const byStatus: Readonly<Record<number, readonly [code: string, detail: string]>> = {
  400: ['request.invalid', 'The request is malformed.'],
  401: ['auth.unauthenticated', 'An access token is required: send "Authorization: Bearer <token>".'],
  403: ['auth.forbidden', 'You are not allowed to do this.'],
  404: ['request.unknown-route', 'There is nothing at this address.'],
  405: [
    'request.method-not-allowed',
    'The resource does not support this method; the Allow header lists those it knows.',
  ],
  406: ['request.not-acceptable', 'None of the accepted media types can be served here.'],
  408: ['request.timeout', 'The request did not arrive in time.'],
  409: ['request.conflict', 'The request conflicts with the state of the resource.'],
  412: ['request.precondition-failed', 'The resource is not in the expected state.'],
  413: ['request.body-too-large', 'The request body is too large.'],
  414: ['request.uri-too-long', 'The address is too long.'],
  415: ['request.unsupported-media-type', 'The request body must be sent as application/json.'],
  417: ['request.expectation-failed', 'The expectation in the Expect header cannot be met.'],
  422: ['request.unprocessable', 'The request cannot be carried out.'],
  428: ['request.precondition-required', 'The request needs a precondition.'],
  429: ['request.too-many-requests', 'Too many requests: slow down.'],
  431: ['request.header-too-large', 'The request header is too large.'],
  503: ['unavailable', 'The service cannot answer now.'],
  504: ['deadline-exceeded', 'There was no answer in time.'],
};

/** The problem for a bare HTTP status, in this system's words. */
export function problemOfStatus(status: number): Problem {
  const [code, detail] =
    byStatus[status] ?? (status < 500 ? ['request.invalid', 'The request is malformed.'] : internal);
  return {
    type: problemType(code),
    title: statusTitle(status),
    status,
    detail,
    code,
    ...((status === 429 || status === 503) && { retryAfterSeconds: 1 }),
  };
}

const internal: readonly [string, string] = [
  'internal',
  'Something went wrong on our side. The correlation id helps us to find it.',
];

/**
 * The Problem (RFC 9457) for anything that was thrown. Refusals keep their texts; an unexpected error becomes 500
 * `internal` without details. A Problem stays unchanged. Adds the correlation id of the running request.
 */
export function toProblem(error: unknown): Problem {
  const problem = withoutContext(error);
  const correlationId = problem.correlationId ?? currentContext()?.correlationId;
  return correlationId === undefined ? problem : { ...problem, correlationId };
}

function withoutContext(error: unknown): Problem {
  if (error instanceof DomainError) {
    return error.toProblem();
  }
  if (error instanceof HttpException) {
    return problemOfStatus(error.getStatus());
  }
  if (error instanceof Error) {
    return problemOfStatus(500);
  }
  const problem = Problem.safeParse(error);
  return problem.success ? problem.data : problemOfStatus(500);
}
