/** Names of the headers that accompany each request and event over NATS. Lower case; HTTP uses the same where it has one. */
export const Headers = {
  correlationId: 'x-correlation-id',
  traceparent: 'traceparent',
  /** Milliseconds that the caller still waits, as it sent the request; reckoned from the arrival. No time of day: clocks differ. */
  timeLeft: 'x-time-left-ms',
  /** Short-lived internal JWT for the called service. */
  authorization: 'authorization',
  idempotencyKey: 'idempotency-key',
  /** Id of the event or request that caused this one. */
  causationId: 'x-causation-id',
} as const;

/** Well-formed correlation ids: what may be taken over from a caller. */
export const CORRELATION_ID = /^[A-Za-z0-9._-]{8,128}$/;
