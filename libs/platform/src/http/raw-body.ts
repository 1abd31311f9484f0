import type { IncomingMessage } from 'node:http';

const bodies = new WeakMap<IncomingMessage, Buffer>();

/** Keeps the bytes of a parsed body for the lifetime of its request. */
export function keepRawBody(request: IncomingMessage, body: Buffer): void {
  bodies.set(request, body);
}

/** The request body as received: parsing and serializing it does not restore every digit. */
export function rawBodyOf(request: IncomingMessage): Buffer | undefined {
  return bodies.get(request);
}
