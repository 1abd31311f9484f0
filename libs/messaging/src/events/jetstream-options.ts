import type { Service } from '@rookery/contracts';
import type { PassedEvents } from '@rookery/platform';

/**
 * Waits between the attempts at one event, in ms. Their sum is about 100 s, more with jitter: longer than the tolerated outage of a dependency
 * (docs/invariants.md: a database 40 s, the broker 60 s), so that an outage causes no dead letters.
 */
export const DEFAULT_RETRY_DELAYS_MS: readonly number[] = [100, 500, 2_000, 5_000, ...Array<number>(9).fill(10_000)];

/**
 * How long an event waits for its predecessor of the same aggregate, in ms. A message on its way to a killed process or over a lost
 * connection is redelivered after `ACK_WAIT_MS`, possibly twice.
 */
export const DEFAULT_GAP_TIMEOUT_MS = 30_000;

/** Options of `JetStreamServer`. */
export interface JetStreamServerOptions {
  /** The consuming service. It determines the consumed streams and names the durable consumers and the dead letters. */
  readonly service: Service;
  /** Records the events without handler. */
  readonly passed: PassedEvents;
  /**
   * Handlers that run at a time. Their effects share few transactions, so more of them wait for each other and not for a connection.
   * @default 64
   */
  readonly concurrency?: number;
  /**
   * Least waits between attempts, in ms; jitter adds up to a quarter. After the last one the event becomes a dead letter.
   * @default DEFAULT_RETRY_DELAYS_MS
   */
  readonly retryDelaysMs?: readonly number[];
  /**
   * How long an event waits for its predecessor of the same aggregate before it is handled without it, in ms.
   * @default DEFAULT_GAP_TIMEOUT_MS
   */
  readonly gapTimeoutMs?: number;
  /**
   * Interval of progress signals to the broker, in ms; well below `ACK_WAIT_MS`.
   * @default ACK_WAIT_MS / 4
   */
  readonly progressIntervalMs?: number;
  /**
   * Longest time that `close` waits for running handlers, in ms.
   * @default 10_000
   */
  readonly graceMs?: number;
}
