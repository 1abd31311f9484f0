/** Names of the headers that accompany each request and event over NATS. Lower case; HTTP uses the same where it has one. */
export const Headers = {
  correlationId: 'x-correlation-id',
  traceparent: 'traceparent',
  /** Milliseconds that the caller still waits, measured when it sends the request. A duration, not a time of day: clocks differ. */
  timeLeft: 'x-time-left-ms',
  /** Short-lived internal JWT for the called service. */
  authorization: 'authorization',
  idempotencyKey: 'idempotency-key',
  /** Id of the event or request that caused this one. */
  causationId: 'x-causation-id',
} as const;

/** The well-formed correlation ids, which may be adopted from a caller. */
export const CORRELATION_ID = /^[A-Za-z0-9._-]{8,128}$/;
