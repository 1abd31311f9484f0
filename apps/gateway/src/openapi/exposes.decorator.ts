import { applyDecorators, HttpCode, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiSecurity } from '@nestjs/swagger';
import type { z } from 'zod';
import {
  type Idempotency,
  type KeyedContract,
  PROBLEM_MEDIA_TYPE,
  type RpcContract,
  type Scope,
} from '@rookery/contracts';
import { Public } from '@rookery/platform';
import { RequireScopes } from '@rookery/security';
import { IdempotencyKeyInterceptor } from '../idempotency/idempotency-key.interceptor';
import { EXAMPLE_IDEMPOTENCY_KEY } from './examples';
import { type ResponseHeader, responseHeaders } from './response-headers';

/** Scopes that the token must hold, all of them; `'anyone'` needs no token, `'anyone-logged-in'` any valid one. */
export type Access = readonly Scope[] | 'anyone' | 'anyone-logged-in';

/** The contract of a route: who may use it, and every response it can give. */
export type RouteContract = RouteAnswers & (AccessRoute | KeyedRoute);

interface AccessRoute {
  readonly access: Access;
  readonly keyed?: undefined;
}

/** A route that forwards a request with an Idempotency-Key, which it requires. The contract says who may use it. */
interface KeyedRoute {
  readonly keyed: KeyedContract;
}

interface RouteAnswers {
  readonly summary: string;
  readonly description: string;
  readonly success: {
    readonly status: 200 | 201 | 202 | 204;
    readonly description: string;
    readonly schema?: z.ZodType;
    /** Media type other than JSON. */
    readonly mediaType?: string;
    readonly headers?: readonly ResponseHeader[];
  };
  /** Answers `If-None-Match` with 304. */
  readonly conditionalRead?: boolean;
  /** Takes a JSON body. */
  readonly hasBody?: boolean;
  /** Error statuses in addition to those of every route. */
  readonly problems?: readonly ProblemStatus[];
}

/** The description of each error status, the same on every route. */
export const problemStatuses = {
  400: 'The request is malformed; `errors` names each invalid part',
  401: 'No valid access token',
  403: 'The access token lacks a scope',
  404: 'The resource does not exist or does not belong to the caller',
  406: 'The response is not available in an accepted media type',
  409: 'The request conflicts with the state of the resource, or the first request with its Idempotency-Key is still running, which Retry-After indicates',
  412: 'The resource has changed since the version in If-Match',
  413: 'The body is too large',
  414: 'A part of the URL is too long',
  415: 'The media type of the body is not application/json',
  422: 'The request cannot be processed in its present form, or its Idempotency-Key was used with another request',
  428: 'If-Match is missing',
  429: 'Too many requests; retry after Retry-After seconds',
  431: 'The headers are too large',
  500: 'An unexpected error occurred; the correlation id identifies it in the logs',
  503: 'A required service is unavailable; retry after Retry-After seconds',
  504: 'A service did not respond in time; the outcome is unknown',
} as const;
export type ProblemStatus = keyof typeof problemStatuses;

const EVERY_ROUTE = [400, 406, 429, 431, 500, 503, 504] as const satisfies readonly ProblemStatus[];

/** Names of the security schemes in the OpenAPI document. */
export const OIDC_SCHEME = 'oidc';
export const BEARER_SCHEME = 'bearer';

/** Declares a route once, so that the scopes of the guard, the status and the OpenAPI operation agree. */
export function Exposes(route: RouteContract): MethodDecorator {
  const { success } = route;
  const access = accessTo(route);
  return applyDecorators(
    HttpCode(success.status),
    ...guardOf(access),
    ApiOperation({
      summary: route.summary,
      description: route.description,
      // The empty list says that no token is needed. Without a list the document would say nothing about it.
      ...(access === 'anyone' && { security: [] }),
    }),
    ApiResponse({
      status: success.status,
      description: success.description,
      headers: responseHeaders([
        ...(success.headers ?? []),
        ...(route.keyed ? ['Idempotent-Replayed' as const] : []),
        'X-Correlation-Id',
        ...rateLimitHeaders,
      ]),
      ...bodyOf(success),
    }),
    ...(route.keyed ? [UseInterceptors(new IdempotencyKeyInterceptor(route.keyed.service)), ApiHeader(keyHeader)] : []),
    ...(route.conditionalRead
      ? [
          ApiHeader({
            name: 'If-None-Match',
            required: false,
            description: 'ETag of the representation the client has',
          }),
          ApiResponse({
            status: 304,
            description: 'The client has the current representation',
            headers: responseHeaders(['ETag']),
          }),
        ]
      : []),
    ...problemsOf(route).map((status) =>
      ApiResponse({
        status,
        description: problemStatuses[status],
        headers: responseHeaders(['X-Correlation-Id', ...problemHeaders(status)]),
        content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
      }),
    ),
  );
}

/** The access that the contract of a forwarded request asks for. A contract that needs an Idempotency-Key is passed as `keyed` instead. */
export function accessOf(contract: RpcContract<z.ZodType, z.ZodType, Exclude<Idempotency, 'key'>>): Access {
  return accessBy(contract.scopes);
}

const accessTo = (route: RouteContract): Access => (route.keyed ? accessBy(route.keyed.scopes) : route.access);

const accessBy = (scopes: readonly Scope[]): Access => (scopes.length === 0 ? 'anyone' : scopes);

const keyHeader = {
  name: 'Idempotency-Key',
  required: true,
  description:
    'A value chosen by the client, 8 to 255 visible ASCII characters, bare or in double quotes. For 24 hours the same request with the same key takes effect once and has the same response',
  schema: { type: 'string', minLength: 8, maxLength: 255 },
  example: EXAMPLE_IDEMPOTENCY_KEY,
} as const;

const rateLimitHeaders = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const;

function guardOf(access: Access): (ClassDecorator & MethodDecorator)[] {
  if (access === 'anyone') {
    return [Public()];
  }
  const scopes = access === 'anyone-logged-in' ? [] : access;
  // Only OAuth 2.0 and OpenID Connect schemes declare scopes that an operation can refer to.
  return [RequireScopes(...scopes), ApiSecurity(OIDC_SCHEME, [...scopes]), ApiSecurity(BEARER_SCHEME, [])];
}

function bodyOf({ schema, mediaType }: RouteContract['success']) {
  if (mediaType !== undefined) {
    return { content: { [mediaType]: { schema: { type: 'string' } } } };
  }
  return schema === undefined ? {} : { standardSchema: schema };
}

function problemsOf(route: RouteContract): ProblemStatus[] {
  const statuses = new Set<ProblemStatus>([...EVERY_ROUTE, ...(route.problems ?? [])]);
  if (route.hasBody) {
    [413 as const, 415 as const].forEach((status) => statuses.add(status));
  }
  // A route with 404 has an id in its URL, which can be too long.
  if (statuses.has(404)) {
    statuses.add(414);
  }
  if (route.keyed) {
    [409 as const, 422 as const].forEach((status) => statuses.add(status));
  }
  const access = accessTo(route);
  if (access !== 'anyone') {
    statuses.add(401);
  }
  if (Array.isArray(access) && access.length > 0) {
    statuses.add(403);
  }
  return [...statuses].sort((one, other) => one - other);
}

function problemHeaders(status: ProblemStatus): ResponseHeader[] {
  switch (status) {
    case 401:
    case 403:
      return ['WWW-Authenticate'];
    case 429:
    case 503:
      return ['Retry-After'];
    default:
      return [];
  }
}
