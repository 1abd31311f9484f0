import { randomBytes } from 'node:crypto';

const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

/** A new trace: W3C Trace Context level 2, version 00, sampled. */
export function newTraceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
}

/** A new span in the trace of `parent`; a new trace when that is missing or malformed (W3C Trace Context, 3.2.2). */
export function childTraceparent(parent: string | null | undefined): string {
  const match = TRACEPARENT.exec(parent ?? '');
  if (match === null) {
    return newTraceparent();
  }
  const [, traceId = '', flags = ''] = match;
  return `00-${traceId}-${randomBytes(8).toString('hex')}-${flags}`;
}

/** The trace id in a traceparent: 32 hexadecimal digits; null when it is missing or malformed. */
export function traceIdOf(traceparent: string | null | undefined): string | null {
  return TRACEPARENT.exec(traceparent ?? '')?.[1] ?? null;
}
