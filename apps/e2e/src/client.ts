import { Problem, type ProductPage, type ProductView } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { type Answer, read, request as send, type RequestOptions as AnyRequest } from '@rookery/devkit/client/request';
import { gatewayUrl } from './environment';

export { ApiClient, read, type Answer };

/** What a request has besides method and path. */
export type RequestOptions = Omit<AnyRequest, 'gateway'> & {
  /** @default the shared stack's gateway */
  readonly gateway?: string | undefined;
};

/** Sends one request, with a token or without one. */
export const request = (method: string, path: string, options: RequestOptions = {}): Promise<Answer> =>
  send(method, path, { ...options, gateway: options.gateway ?? gatewayUrl });

/** A client of the shared stack's gateway, or of another one, with a token. */
export const clientOf = (token: string, gateway = gatewayUrl): ApiClient => new ApiClient(gateway, token);

export const product = (id: string, gateway = gatewayUrl): Promise<ProductView> => new ApiClient(gateway).product(id);

export const products = (query = ''): Promise<ProductPage> => new ApiClient(gatewayUrl).products(query);

/** The problem of an answer; fails when the answer is not a problem. */
export function problem(answer: Answer): Problem {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const parsed = read(Problem, answer);
  expect(parsed.status).toBe(answer.status);
  expect(parsed.correlationId).toBe(answer.headers.get('x-correlation-id'));
  return parsed;
}
