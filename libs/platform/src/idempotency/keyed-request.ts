import { createHash } from 'node:crypto';
import type { KeyedContract, Service } from '@rookery/contracts';
import type { z } from 'zod';
import { requireContext } from '../context/request-context';
import { checkedKey } from './idempotency-key';
import { IdempotencyKeyMissing } from './idempotency.errors';

/** Whose key it is. Two owners never share one. */
export interface KeyOwner {
  readonly issuer: string;
  readonly subject: string;
  /** Empty when the caller's token names no client. */
  readonly clientId: string;
}

/** A request under its owner's key: what a second request with that key is compared with, and how its answer reads. */
export interface KeyedRequest<Answer> {
  readonly service: Service;
  readonly owner: KeyOwner;
  readonly key: string;
  /** SHA-256 of the operation and the whole request. */
  readonly fingerprint: string;
  /** The answer that is stored; it reads what an earlier release stored within the last day. */
  readonly answer: z.ZodType<Answer>;
}

/** What differs from the rule. */
export interface KeyedRequestOptions<Answer> {
  /** What is stored, when it is not the contract's response. */
  readonly answer?: z.ZodType<Answer>;
  /** Of a request that anybody may send: who is told apart from whom. It must not let one stranger read another's answer. */
  readonly anonymous?: string;
  /** Stands for the request in the fingerprint, when that has a secret that must not be hashed as it is. */
  readonly compared?: unknown;
}

/**
 * The running request with the key that came with it. `request` is the parsed one, path parameters and all: its fields come in the
 * schema's order and with their defaults, however they were sent.
 * @throws IdempotencyKeyMissing, IdempotencyKeyMalformed (400)
 */
export function keyedRequest<Request extends z.ZodType, Response extends z.ZodType>(
  contract: KeyedContract<Request, Response>,
  request: z.output<Request>,
  options?: KeyedRequestOptions<z.output<Response>>,
): KeyedRequest<z.output<Response>>;
/** As above, with another answer than the contract's response. */
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
  if (idempotencyKey === undefined) throw new IdempotencyKeyMissing(service);
  const key = checkedKey(idempotencyKey, service);
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([subject, compared]))
    .digest('base64url');
  return { service, owner: ownerOf(anonymous), key, fingerprint, answer };
}

function ownerOf(anonymous: string | undefined): KeyOwner {
  // Nobody's issuer is empty, so no token can name an anonymous owner.
  if (anonymous !== undefined) return { issuer: '', subject: anonymous, clientId: '' };
  const { actor } = requireContext();
  if (actor === undefined) throw new Error('a request that anybody may send must say by what strangers are told apart');
  return { issuer: actor.issuer, subject: actor.subject, clientId: actor.clientId ?? '' };
}
