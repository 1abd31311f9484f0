import type { z } from 'zod';
import type { Scope } from './scopes';

/** The services that answer requests over NATS. */
export const Services = ['auth', 'products', 'orders', 'payments'] as const;
export type Service = (typeof Services)[number];
/** Every process: those that answer requests, and the gateway, which only calls. */
export const Callers = ['gateway', ...Services] as const;
export type Caller = (typeof Callers)[number];

/**
 * One request/reply over NATS, the only definition of it: subject `rpc.<service>.<verb>[-<noun>]`, schemas of both directions.
 * Queries change nothing and may be retried; commands are sent once.
 */
export interface RpcContract<Request extends z.ZodType = z.ZodType, Response extends z.ZodType = z.ZodType> {
  readonly service: Service;
  readonly subject: string;
  readonly kind: 'query' | 'command';
  /** Scopes the caller's subject must hold, all of them; empty: anyone, also without a subject. */
  readonly scopes: readonly Scope[];
  readonly request: Request;
  readonly response: Response;
  readonly summary: string;
}

/** Declares a request/reply contract; the subject is made from service and name. */
export function defineRpc<Request extends z.ZodType, Response extends z.ZodType>(
  contract: Omit<RpcContract<Request, Response>, 'subject'> & { readonly name: string },
): RpcContract<Request, Response> {
  const { name, ...rest } = contract;
  return { ...rest, subject: `rpc.${contract.service}.${name}` };
}
