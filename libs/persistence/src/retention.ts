/**
 * How long a service keeps what it needs for delivering and taking events and for answering again, in hours. A spec holds it against the streams’ age
 * (tools/verify/broker/retention.spec.ts).
 */
export const Retention = {
  /** Published events can be published again for this long. */
  publishedHours: 24,
  /**
   * An event can be delivered late for as long as it can be published again plus as long as a stream keeps it (7 days), 8 days in all: noted
   * for less, it would take effect again. One day more, for clocks and for what waits in a queue.
   */
  notedHours: 9 * 24,
  /** The answer to an idempotency key is given again for this long. */
  answersHours: 24,
} as const;
