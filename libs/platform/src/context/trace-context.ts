import { randomFillSync } from 'node:crypto';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

/** A new trace: W3C Trace Context level 2, version 00, sampled. */
export function newTraceparent(): string {
  return `00-${randomHex(16)}-${randomHex(8)}-01`;
}

/** A new span in the trace of `parent`; a new trace when that is missing or malformed (W3C Trace Context, 3.2.2). */
export function childTraceparent(parent: string | null | undefined): string {
  const match = TRACEPARENT.exec(parent ?? '');
  if (match === null) {
    return newTraceparent();
  }
  const [, traceId = '', flags = ''] = match;
  return `00-${traceId}-${randomHex(8)}-${flags}`;
}

/** The trace id in a traceparent: 32 hexadecimal digits; null when it is missing or malformed. */
export function traceIdOf(traceparent: string | null | undefined): string | null {
  return TRACEPARENT.exec(traceparent ?? '')?.[1] ?? null;
}

const pool = Buffer.alloc(4_096);
let used = pool.length;

/** Random bytes in hexadecimal, taken from a pool: asking the system for a few at a time costs more than the rest of a trace context. */
function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('hex', used - bytes, used);
}
