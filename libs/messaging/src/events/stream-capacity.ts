import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream';
import type { Metrics } from '@rookery/platform';
import type { StreamDefinition } from '../broker/definitions';

/** Error codes of a full stream with `discard: new`: too many bytes, too many messages. */
const FULL = new Set([10_077, 10_114]);

/** Whether a stream rejected a message because it is full. */
export const isRejectedAsFull = (error: unknown): boolean => error instanceof JetStreamApiError && FULL.has(error.code);

/** Fill level of a stream: sampled once a second, and set to full when the stream rejects a message. */
export class StreamCapacity {
  private bytes = 0;
  private maxBytes = 0;
  private events = 0;
  private full = false;

  /** Used share of the size limit, 0..1. It is 0 without a limit and before the first sample. */
  get usedShare(): number {
    if (this.full) {
      return 1;
    }
    return this.maxBytes > 0 ? Math.min(1, this.bytes / this.maxBytes) : 0;
  }

  /** Records a sample of the stream's state. */
  sample({ state, config }: Pick<StreamInfo, 'state' | 'config'>): void {
    this.bytes = state.bytes;
    this.events = state.messages;
    this.maxBytes = config.max_bytes;
    this.full = false;
  }

  /** Records that the stream rejected a message as full. */
  rejected(): void {
    this.full = true;
  }

  /** Adds its gauges to `/metrics`. */
  show(metrics: Metrics, { name: stream }: StreamDefinition): void {
    const gauge = (name: string, help: string, read: () => number): void =>
      metrics.gauge(name, help, () => [{ labels: { stream }, value: read() }], ['stream']);
    gauge('event_stream_bytes', 'Bytes in the stream that this service publishes to', () => this.bytes);
    gauge(
      'event_stream_max_bytes',
      'Size limit of the stream in bytes; a full stream rejects events',
      () => this.maxBytes,
    );
    gauge('event_stream_events', 'Events in the stream that this service publishes to', () => this.events);
  }
}
