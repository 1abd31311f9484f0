import { randomUUID } from 'node:crypto';
import type { Operation } from './document';

/** Who sends a request. */
export const identities = ['nobody', 'customer', 'operator', 'forged'] as const;
export type Identity = (typeof identities)[number];

/** One request, with holes where something goes that only the running system knows: see `fill`. */
export interface FuzzCase {
  readonly operation: Operation;
  readonly identity: Identity;
  /** Path parameters by name, and the query's names and values: percent-encoded as they go out. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Sent as it is; undefined for no body. */
  readonly body: string | undefined;
}

/** What goes out over the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string | undefined;
}

/** The holes of a case: ids of things that exist, spare ones for what ends them, and `unique`, another text each time a case is sent. */
export const holes = [
  'unique',
  'product',
  'spareProduct',
  'order',
  'pendingOrder',
  'deadLetter',
  'spareDeadLetter',
  'replayableDeadLetter',
] as const;
export type Hole = (typeof holes)[number];

export const hole = (name: Hole): string => `{{${name}}}`;

/** What fills the holes, and the tokens. */
export interface World {
  readonly ids: Readonly<Record<Exclude<Hole, 'unique'>, string>>;
  /** The Authorization header of each identity; undefined for none. */
  readonly authorization: Readonly<Record<Identity, string | undefined>>;
}

/** The request that a case is in this world. */
export function fill(one: FuzzCase, { ids, authorization }: World): WireRequest {
  const unique = randomUUID().slice(0, 13);
  const filled = (text: string): string =>
    holes.reduce((result, name) => result.replaceAll(hole(name), name === 'unique' ? unique : ids[name]), text);
  const path = one.operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => one.path[name] ?? '');
  const query = one.query.map(([name, value]) => `${name}=${value}`).join('&');
  const token = authorization[one.identity];
  return {
    method: one.operation.method,
    target: filled(query === '' ? path : `${path}?${query}`),
    headers: [
      ...one.headers.map(([name, value]) => [name, filled(value)] as const),
      ...(token === undefined ? [] : [['authorization', token] as const]),
    ],
    body: one.body === undefined ? undefined : filled(one.body),
  };
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const MOST_BODY = 2_000;

/** The command that sends it again. Tokens are named, not shown; a very long body is described. */
export function curlOf(request: WireRequest, identity: Identity, gateway = 'http://localhost:3000'): string {
  const { method, target, headers, body } = request;
  const token = { nobody: [], customer: ['$(npm run -s token alice)'], operator: ['$(npm run -s token olga)'] };
  const bearer = identity === 'forged' ? ['<a forged token>'] : token[identity];
  const shown = headers.filter(([name]) => name !== 'authorization');
  const long = body !== undefined && body.length > MOST_BODY;
  return [
    `curl -i --path-as-is -X ${method} ${quoted(`${gateway}${target}`)}`,
    ...bearer.map((text) => `-H "authorization: Bearer ${text}"`),
    ...shown.map(([name, value]) => `-H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`--data-binary ${quoted(long ? `${body.slice(0, MOST_BODY)}…` : body)}`]),
    ...(long ? [`# the body has ${body.length} characters`] : []),
  ].join(' ');
}
