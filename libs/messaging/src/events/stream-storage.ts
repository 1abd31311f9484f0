import type { Metrics } from '@rookery/platform';
import type { StreamDefinition } from '../broker/definitions';

/**
 * A restart of the broker loses the acknowledgements of a moment, and so does a process without CPU time. Failures over a longer period, three
 * attempts at one event, mean that the stream does not store events.
 */
const TOLERATED_MS = 4_000;
/** Without an attempt for this time the state is unknown: another replica publishes, or there is nothing to publish. */
const FORGOTTEN_AFTER_MS = 30_000;

/**
 * Derives from the acknowledgements whether a stream stores events; it sends no probes. A server with a full disk still answers pings and
 * requests about streams, so neither would detect it.
 */
export class StreamStorage {
  private failingSince: number | undefined;
  private failedAt = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** False when all attempts of four seconds have failed, until one succeeds or half a minute passes without an attempt. */
  get storing(): boolean {
    if (this.failingSince === undefined || this.now() - this.failedAt > FORGOTTEN_AFTER_MS) {
      return true;
    }
    return this.failedAt - this.failingSince < TOLERATED_MS;
  }

  /** Records an acknowledgement. */
  stored(): void {
    this.failingSince = undefined;
  }

  /** Records that a connected broker rejected an event or did not acknowledge it in time. */
  failed(): void {
    const now = this.now();
    if (now - this.failedAt > FORGOTTEN_AFTER_MS) {
      this.failingSince = undefined;
    }
    this.failedAt = now;
    this.failingSince ??= now;
  }

  /** Forgets failures of the previous connection: they say nothing about the server that answers now. */
  reconnected(): void {
    this.failingSince = undefined;
  }

  /** Adds its gauge to `/metrics`. */
  show(metrics: Metrics, { name: stream }: StreamDefinition): void {
    metrics.gauge(
      'event_stream_storing',
      '1 while the stream that this service publishes to stores events, 0 while the broker acknowledges none',
      () => [{ labels: { stream }, value: this.storing ? 1 : 0 }],
      ['stream'],
    );
  }
}
