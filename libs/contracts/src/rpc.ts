import type { z } from 'zod';
import type { Scope } from './scopes';

/** The services that answer requests over NATS. */
export const Services = ['auth', 'products', 'orders', 'payments'] as const;
export type Service = (typeof Services)[number];
/** Every process: those that answer requests, and the gateway, which only calls. */
export const Callers = ['gateway', ...Services] as const;
export type Caller = (typeof Callers)[number];

/**
 * Why a request that arrives twice is harmless.
 * `safe`: a query, it changes nothing. `key`: the client's required Idempotency-Key, for every POST that changes
 * something. `version`: If-Match names the version that it changes. `natural`: a repetition finds nothing left to do.
 */
export type Idempotency = 'safe' | 'key' | 'version' | 'natural';

/**
 * One request/reply over NATS, the only definition of it: subject `rpc.<service>.<verb>[-<noun>]`, schemas of both directions.
 * Queries change nothing and may be retried; commands are sent once.
 */
export interface RpcContract<
  Request extends z.ZodType = z.ZodType,
  Response extends z.ZodType = z.ZodType,
  Repeat extends Idempotency = Idempotency,
> {
  readonly service: Service;
  readonly subject: string;
  readonly kind: 'query' | 'command';
  readonly idempotency: Repeat;
  /** Scopes the caller's subject must hold, all of them; empty: anyone, also without a subject. */
  readonly scopes: readonly Scope[];
  readonly request: Request;
  readonly response: Response;
  readonly summary: string;
}

/** The parsed request of a contract, as its handler receives it. */
export type RequestOf<Contract extends { readonly request: z.ZodType }> = z.output<Contract['request']>;
/** The parsed response of a contract, as its caller receives it. */
export type ResponseOf<Contract extends { readonly response: z.ZodType }> = z.output<Contract['response']>;

/** A request that takes effect once per idempotency key. */
export type KeyedContract<Request extends z.ZodType = z.ZodType, Response extends z.ZodType = z.ZodType> = RpcContract<
  Request,
  Response,
  'key'
>;

type Definition<Request extends z.ZodType, Response extends z.ZodType> = Omit<
  RpcContract<Request, Response>,
  'subject' | 'kind' | 'idempotency'
> & { readonly name: string };

/** Declares a query; the subject is derived from service and name. */
export function defineRpc<Request extends z.ZodType, Response extends z.ZodType>(
  contract: Definition<Request, Response> & { readonly kind: 'query' },
): RpcContract<Request, Response, 'safe'>;
/** Declares a command, which must state why a repetition is harmless. */
export function defineRpc<
  Request extends z.ZodType,
  Response extends z.ZodType,
  Repeat extends Exclude<Idempotency, 'safe'>,
>(
  contract: Definition<Request, Response> & { readonly kind: 'command'; readonly idempotency: Repeat },
): RpcContract<Request, Response, Repeat>;
export function defineRpc({
  name,
  ...contract
}: Definition<z.ZodType, z.ZodType> & {
  readonly kind: 'query' | 'command';
  readonly idempotency?: Idempotency;
}): RpcContract {
  return { idempotency: 'safe', ...contract, subject: `rpc.${contract.service}.${name}` };
}

/** True for a request that takes effect once per idempotency key. */
export const isKeyed = (contract: RpcContract): contract is KeyedContract => contract.idempotency === 'key';
