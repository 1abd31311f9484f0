import type { IncomingMessage } from 'node:http';

const bodies = new WeakMap<IncomingMessage, Buffer>();

/** Remembers the bytes of a body that was parsed, for as long as the request is. */
export function keepRawBody(request: IncomingMessage, body: Buffer): void {
  bodies.set(request, body);
}

/** The body of a request as it came: what was parsed and written again is not the same to the last digit. */
export function rawBodyOf(request: IncomingMessage): Buffer | undefined {
  return bodies.get(request);
}
