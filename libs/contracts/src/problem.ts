import { z } from 'zod';
import { Money } from './money';

/** One thing that is wrong with a request: where (RFC 6901 JSON Pointer into the body, or `#/query/x`) and what. */
export const ProblemDetail = z.object({ pointer: z.string(), detail: z.string() }).meta({ id: 'ProblemDetail' });
export type ProblemDetail = z.infer<typeof ProblemDetail>;

/** The error format of the system: RFC 9457 problem details with a stable `code` and the request's correlation id. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    instance: z.string().optional(),
    code: z.string(),
    correlationId: z.string().optional(),
    errors: z.array(ProblemDetail).optional(),
    /** Seconds after which a retry makes sense; becomes the Retry-After header. */
    retryAfterSeconds: z.int().min(0).optional(),
    /** `orders.total-changed`: the expected and the current total. */
    expectedTotal: Money.optional(),
    total: Money.optional(),
    /** The service that did not respond to the responding service; absent when the responding service itself failed. */
    dependency: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** Media type of every error answer (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** `type` of a problem: a stable URI reference made from its code. */
export const problemType = (code: string): string => `urn:rookery:problem:${code}`;

/**
 * Codes by which a service refuses the calling process, whatever its user: the internal token is invalid, the message is not a
 * request, or its data does not match the contract, as between replicas of two releases. They never reach a client, which would take an
 * internal error for its own.
 */
export const CallRefusals = ['auth.invalid-internal-token', 'rpc.no-request', 'rpc.contract-broken'] as const;
export type CallRefusal = (typeof CallRefusals)[number];
