import type { z } from 'zod';

/** One answer of a gateway: status, headers and the exact body. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The body of an answer, checked against its published schema. */
export function read<Schema extends z.ZodType>(schema: Schema, answer: Answer): z.output<Schema> {
  return schema.parse(jsonOf(answer));
}

function jsonOf({ text, status }: Answer): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`an answer of ${status} is no JSON: is this the gateway, and is GATEWAY_PORT set here too?`, {
      cause,
    });
  }
}

/** What a request has besides method and path. */
export interface RequestOptions {
  readonly gateway: string;
  readonly token?: string | undefined;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Sends one request to a gateway as the holder of a token, or as nobody. */
export async function request(method: string, path: string, options: RequestOptions): Promise<Answer> {
  const { gateway, token, body, headers } = options;
  const response = await fetch(new URL(path, gateway), {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}
