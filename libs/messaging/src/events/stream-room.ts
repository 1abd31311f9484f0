import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream';
import type { Metrics } from '@rookery/platform';
import type { StreamDefinition } from '../broker/definitions';

/** The broker's codes for a publication that a stream with `discard: new` has no room for: bytes, messages. */
const FULL = new Set([10_077, 10_114]);

/** Whether a stream refused a message because it is full. */
export const isRefusedAsFull = (error: unknown): boolean => error instanceof JetStreamApiError && FULL.has(error.code);

/** How full a stream is, as far as is known: looked at once a second, and learnt at once when it refuses a message. */
export class StreamRoom {
  private bytes = 0;
  private maxBytes = 0;
  private events = 0;
  private full = false;

  /** Taken share of the room, 0..1; 0 while the stream has no limit or has not been looked at. */
  get taken(): number {
    if (this.full) return 1;
    return this.maxBytes > 0 ? Math.min(1, this.bytes / this.maxBytes) : 0;
  }

  /** Takes note of what the stream looks like. */
  note({ state, config }: Pick<StreamInfo, 'state' | 'config'>): void {
    this.bytes = state.bytes;
    this.events = state.messages;
    this.maxBytes = config.max_bytes;
    this.full = false;
  }

  /** The stream has refused a message as full. */
  refused(): void {
    this.full = true;
  }

  /** Adds it to `/metrics`. */
  show(metrics: Metrics, { name: stream }: StreamDefinition): void {
    const gauge = (name: string, help: string, read: () => number): void =>
      metrics.gauge(name, help, () => [{ labels: { stream }, value: read() }], ['stream']);
    gauge('event_stream_bytes', 'Bytes in the stream that this service publishes to', () => this.bytes);
    gauge('event_stream_max_bytes', 'Bytes that the stream may hold; it refuses events beyond', () => this.maxBytes);
    gauge('event_stream_events', 'Events in the stream that this service publishes to', () => this.events);
  }
}
