/** Retention of outbox, inbox and stored answers, in hours. A spec compares it with the maximum age of the streams (tools/verify/broker/retention.spec.ts). */
export const Retention = {
  /** How long published events can be republished. */
  publishedHours: 24,
  /**
   * How long the inbox remembers an event. An event can be republished for one day and then stays in a stream for 7 days: with a shorter
   * retention, a delivery after 8 days would take effect again. One more day covers clock differences and waiting deliveries.
   */
  inboxHours: 9 * 24,
  /** How long a stored answer to an idempotency key is repeated. */
  answersHours: 24,
} as const;
