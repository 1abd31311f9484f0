import { z } from 'zod';
import { Money } from './money';

/** One thing that is wrong with a request: where (RFC 6901 JSON Pointer into the body, or `#/query/x`) and what. */
export const ProblemDetail = z.object({ pointer: z.string(), detail: z.string() }).meta({ id: 'ProblemDetail' });
export type ProblemDetail = z.infer<typeof ProblemDetail>;

/** The one error shape of the system: RFC 9457 problem details with a stable `code` and the request's correlation id. */
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
    /** Seconds after which trying again makes sense; becomes the Retry-After header. */
    retryAfterSeconds: z.int().min(0).optional(),
    /** `orders.total-changed`: what the client expected, and what the order would cost now. */
    expectedTotal: Money.optional(),
    total: Money.optional(),
    /** The service that did not answer whoever answers this; absent when the fault is its own. */
    dependency: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof Problem>;

/** Media type of every error answer (RFC 9457). */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** `type` of a problem: a stable URI reference made from its code. */
export const problemType = (code: string): string => `urn:rookery:problem:${code}`;

/**
 * Codes by which a service refuses the process that calls it, whoever that asks for: the internal token is not good, the message is no
 * request, or its data is not what the contract says, as between replicas of two releases. They never reach a client: it would take our
 * trouble for its own fault.
 */
export const CallRefusals = ['auth.invalid-internal-token', 'rpc.no-request', 'rpc.contract-broken'] as const;
export type CallRefusal = (typeof CallRefusals)[number];
