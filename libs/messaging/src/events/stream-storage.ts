import type { Metrics } from '@rookery/platform';
import type { StreamDefinition } from '../broker/definitions';

/**
 * A restart of the broker swallows the acknowledgements of one moment, and a process short of CPU misses those of another. What fails for
 * longer than this, three tries of one event, is not stored.
 */
const TOLERATED_MS = 4_000;
/** Without a further attempt for so long nothing is known any more: another replica publishes now, or there is nothing to publish. */
const FORGOTTEN_AFTER_MS = 30_000;

/**
 * Whether a stream stores what is published to it, as its acknowledgements tell: nothing is sent for the sake of knowing it. A server
 * whose disk is full goes on answering pings and requests about streams, so neither says it.
 */
export class StreamStorage {
  private failingSince: number | undefined;
  private failedAt = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** False from the moment that all attempts of four seconds have failed until one succeeds or nothing has been tried for half a minute. */
  get storing(): boolean {
    if (this.failingSince === undefined || this.now() - this.failedAt > FORGOTTEN_AFTER_MS) return true;
    return this.failedAt - this.failingSince < TOLERATED_MS;
  }

  /** An event was acknowledged. */
  stored(): void {
    this.failingSince = undefined;
  }

  /** A connected broker did not acknowledge an event in time, or refused it. */
  failed(): void {
    const now = this.now();
    if (now - this.failedAt > FORGOTTEN_AFTER_MS) this.failingSince = undefined;
    this.failedAt = now;
    this.failingSince ??= now;
  }

  /** The connection is another one: what failed before says nothing of the server that answers now. */
  reconnected(): void {
    this.failingSince = undefined;
  }

  /** Adds it to `/metrics`. */
  show(metrics: Metrics, { name: stream }: StreamDefinition): void {
    metrics.gauge(
      'event_stream_storing',
      '1 while the stream that this service publishes to stores events, 0 while the broker acknowledges none',
      () => [{ labels: { stream }, value: this.storing ? 1 : 0 }],
      ['stream'],
    );
  }
}
