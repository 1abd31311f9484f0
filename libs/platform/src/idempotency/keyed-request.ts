import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { KeyedContract, Service } from '@rookery/contracts';
import { requireContext } from '../context/request-context';
import { checkedKey } from './idempotency-key';
import { IdempotencyKeyMissing } from './idempotency.errors';

/** The owner of a key. Two owners never share one. */
export interface KeyOwner {
  readonly issuer: string;
  readonly subject: string;
  /** Empty when the caller's token names no client. */
  readonly clientId: string;
}

/** A request with its owner's key: what a second request with that key is compared with, and how its answer is parsed. */
export interface KeyedRequest<Answer> {
  readonly service: Service;
  readonly owner: KeyOwner;
  readonly key: string;
  /** SHA-256 of the operation and the whole request. */
  readonly fingerprint: string;
  /** Schema of the stored answer; it must accept what an earlier release stored within the last day. */
  readonly answer: z.ZodType<Answer>;
}

/** Deviations from the default. */
export interface KeyedRequestOptions<Answer> {
  /** Schema of the stored answer, when it differs from the contract's response. */
  readonly answer?: z.ZodType<Answer>;
  /** Identity of the sender of a public request. It must not let one client read another's answer. */
  readonly anonymous?: string;
  /** Replaces the request in the fingerprint, when the request has a secret that must not be hashed directly. */
  readonly compared?: unknown;
}

/**
 * The running request with its idempotency key. `request` is the parsed one including path parameters: its fields have the
 * schema's order and defaults, however they were sent.
 * @throws {IdempotencyKeyMissing | IdempotencyKeyMalformed} 400
 */
export function keyedRequest<Request extends z.ZodType, Response extends z.ZodType>(
  contract: KeyedContract<Request, Response>,
  request: z.output<Request>,
  options?: KeyedRequestOptions<z.output<Response>>,
): KeyedRequest<z.output<Response>>;
/** As above, with an answer other than the contract's response. */
export function keyedRequest<Request extends z.ZodType, Answer>(
  contract: KeyedContract<Request>,
  request: z.output<Request>,
  options: KeyedRequestOptions<Answer> & { readonly answer: z.ZodType<Answer> },
): KeyedRequest<Answer>;
export function keyedRequest(
  { service, subject, response }: KeyedContract,
  request: unknown,
  { answer = response, anonymous, compared = request }: KeyedRequestOptions<unknown> = {},
): KeyedRequest<unknown> {
  const { idempotencyKey } = requireContext();
  if (idempotencyKey === undefined) {
    throw new IdempotencyKeyMissing(service);
  }
  const key = checkedKey(idempotencyKey, service);
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([subject, compared]))
    .digest('base64url');
  return { service, owner: ownerOf(anonymous), key, fingerprint, answer };
}

function ownerOf(anonymous: string | undefined): KeyOwner {
  // No token has an empty issuer, so no token can name an anonymous owner.
  if (anonymous !== undefined) {
    return { issuer: '', subject: anonymous, clientId: '' };
  }
  const { actor } = requireContext();
  if (actor === undefined) {
    throw new Error('a public request needs `anonymous`');
  }
  return { issuer: actor.issuer, subject: actor.subject, clientId: actor.clientId ?? '' };
}
