import { applyDecorators, HttpCode, UseInterceptors } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiResponse, ApiSecurity } from '@nestjs/swagger';
import {
  PROBLEM_MEDIA_TYPE,
  type Idempotency,
  type KeyedContract,
  type RpcContract,
  type Scope,
} from '@rookery/contracts';
import { Public } from '@rookery/platform';
import { RequireScopes } from '@rookery/security';
import type { z } from 'zod';
import { IdempotencyKeyInterceptor } from '../idempotency/idempotency-key.interceptor';
import { idempotencyKeyExample } from './examples';
import { responseHeaders, type ResponseHeader } from './response-headers';

/** Scopes the token must hold, all of them; `'anyone'` needs no token, `'anyone-logged-in'` any valid one. */
export type Access = readonly Scope[] | 'anyone' | 'anyone-logged-in';

/** What a route promises: who may use it and each answer it can give. */
export type RouteContract = RouteAnswers & (AccessRoute | KeyedRoute);

interface AccessRoute {
  readonly access: Access;
  readonly keyed?: undefined;
}

/** A route that passes a keyed request on: access is the contract's, and it demands the Idempotency-Key. */
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
  /** Has a 304 answer to `If-None-Match`. */
  readonly conditionalRead?: boolean;
  /** Takes a JSON body. */
  readonly hasBody?: boolean;
  /** Error statuses beside those every route has. */
  readonly problems?: readonly ProblemStatus[];
}

/** Why each error status is answered, the same on every route. */
export const problemStatuses = {
  400: 'The request is malformed; `errors` names each wrong part',
  401: 'No valid access token',
  403: 'The access token lacks a scope',
  404: 'No such resource, or not one of the caller’s',
  406: 'The answer is not available in an accepted media type',
  409: 'The request conflicts with the resource’s state, or the first one with its Idempotency-Key is still running: then there is Retry-After',
  412: 'The resource has changed since the version in If-Match',
  413: 'The body is too large',
  414: 'A part of the address is too long',
  415: 'The body’s media type is not application/json',
  422: 'The request cannot be carried out as it is, or its Idempotency-Key was used with another request',
  428: 'If-Match is missing',
  429: 'Too many requests; try again after Retry-After seconds',
  431: 'The headers are too large',
  500: 'Something unexpected went wrong; the correlation id finds it in the logs',
  503: 'A service needed for the answer is not available; try again after Retry-After seconds',
  504: 'A service did not answer in time; the outcome is unknown',
} as const;
export type ProblemStatus = keyof typeof problemStatuses;

const EVERY_ROUTE = [400, 406, 429, 431, 500, 503, 504] as const satisfies readonly ProblemStatus[];

/** Names of the security schemes in the OpenAPI document. */
export const OIDC_SCHEME = 'oidc';
export const BEARER_SCHEME = 'bearer';

/**
 * Declares a route once: the guard's scopes, the status and the OpenAPI operation come from the same words and cannot drift apart.
 */
export function Exposes(route: RouteContract): MethodDecorator {
  const { success } = route;
  const access = accessTo(route);
  return applyDecorators(
    HttpCode(success.status),
    ...guardOf(access),
    ApiOperation({
      summary: route.summary,
      description: route.description,
      // Said outright: without it the document leaves open whether a token was forgotten.
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

/** A route that passes a request on to one service: access is the contract's. A keyed contract goes to `keyed` instead. */
export function accessOf(contract: RpcContract<z.ZodType, z.ZodType, Exclude<Idempotency, 'key'>>): Access {
  return accessBy(contract.scopes);
}

const accessTo = (route: RouteContract): Access => (route.keyed ? accessBy(route.keyed.scopes) : route.access);

const accessBy = (scopes: readonly Scope[]): Access => (scopes.length === 0 ? 'anyone' : scopes);

const keyHeader = {
  name: 'Idempotency-Key',
  required: true,
  description:
    'A value of your own, 8..255 visible ASCII characters, bare or in double quotes. For 24 hours the same request with the same key takes effect once and has the same answer',
  schema: { type: 'string', minLength: 8, maxLength: 255 },
  example: idempotencyKeyExample,
} as const;

const rateLimitHeaders = ['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset'] as const;

function guardOf(access: Access): (ClassDecorator & MethodDecorator)[] {
  if (access === 'anyone') return [Public()];
  const scopes = access === 'anyone-logged-in' ? [] : access;
  // Only OAuth 2.0 and OpenID Connect schemes declare scopes that an operation can name.
  return [RequireScopes(...scopes), ApiSecurity(OIDC_SCHEME, [...scopes]), ApiSecurity(BEARER_SCHEME, [])];
}

function bodyOf({ schema, mediaType }: RouteContract['success']) {
  if (mediaType !== undefined) return { content: { [mediaType]: { schema: { type: 'string' } } } };
  return schema === undefined ? {} : { standardSchema: schema };
}

function problemsOf(route: RouteContract): ProblemStatus[] {
  const statuses = new Set<ProblemStatus>([...EVERY_ROUTE, ...(route.problems ?? [])]);
  if (route.hasBody) [413 as const, 415 as const].forEach((status) => statuses.add(status));
  // Not there: so there is an id in the address, and that can be too long.
  if (statuses.has(404)) statuses.add(414);
  if (route.keyed) [409 as const, 422 as const].forEach((status) => statuses.add(status));
  const access = accessTo(route);
  if (access !== 'anyone') statuses.add(401);
  if (Array.isArray(access) && access.length > 0) statuses.add(403);
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
