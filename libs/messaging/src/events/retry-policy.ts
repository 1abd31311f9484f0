import type { Service } from '@rookery/contracts';
import type { PassedEvents } from '@rookery/platform';

/**
 * Waits between the attempts at one event, in ms. They add up to about 100 s, more with jitter: longer than a dependency may be away
 * (docs/invariants.md: a database 40 s, the broker 60 s), so that an outage makes no dead letters.
 */
export const defaultRetryDelaysMs: readonly number[] = [100, 500, 2_000, 5_000, ...Array<number>(9).fill(10_000)];

/**
 * An event that came before its predecessor of the same aggregate waits so long for it, in ms: what was on its way to a process that was
 * killed, or over a connection that was lost, comes again after `ACK_WAIT_MS`, and that may happen twice.
 */
export const DEFAULT_GAP_TIMEOUT_MS = 30_000;

/** Options of `JetStreamServer`. */
export interface JetStreamServerOptions {
  /** The consuming service: names the durable consumers and the dead letters, and says which streams are consumed. */
  readonly service: Service;
  /** Notes the events that there is no handler for. */
  readonly passed: PassedEvents;
  /** Handlers running at a time, 16 unless told: what waits for a database connection must not outwait its timeout. */
  readonly concurrency?: number;
  /** Least waits between attempts, made up to a quarter longer; after the last one the event becomes a dead letter. */
  readonly retryDelaysMs?: readonly number[];
  /** How long an event waits for the one before it of its aggregate, in ms; then it is handled without. */
  readonly patienceMs?: number;
  /** How often the broker is told that messages in hand are being worked on; well below `ACK_WAIT_MS`. */
  readonly workSignalMs?: number;
  /** How long `close` waits for handlers in hand, 10 s unless told. */
  readonly graceMs?: number;
}
