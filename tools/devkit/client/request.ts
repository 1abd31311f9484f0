import { randomUUID } from 'node:crypto';
import type { z } from 'zod';

/** One answer of a gateway: status, headers and the exact body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * The body of an answer, checked against its published schema.
 * @throws {Error} with the answer's text when the body does not match
 */
export function read<Schema extends z.ZodType>(schema: Schema, answer: Answer): z.output<Schema> {
  const body = schema.safeParse(jsonOf(answer));
  if (body.success) {
    return body.data;
  }
  throw new Error(`an answer of ${answer.status} was not expected here: ${answer.text}`, { cause: body.error });
}

function jsonOf({ text, status }: Answer): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`an answer of ${status} is not JSON: is this the gateway, and is GATEWAY_PORT set here too?`, {
      cause,
    });
  }
}

/** What a request has besides method and path. */
export interface RequestOptions {
  readonly gateway: string;
  readonly token?: string | undefined;
  /** A string is sent unchanged, anything else as JSON. */
  readonly body?: unknown;
  /** Names in lower case; undefined removes a header that is sent by default. */
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined;
  /** @default 30_000 */
  readonly timeoutMs?: number;
}

/** Sends one request to a gateway, with a token or without one. A POST without an Idempotency-Key gets a random one. */
export async function request(method: string, path: string, options: RequestOptions): Promise<Answer> {
  const { gateway, token, body, headers, timeoutMs = 30_000 } = options;
  const response = await fetch(new URL(path, gateway), {
    method,
    headers: given({
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
      ...headers,
    }),
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const given = (headers: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
