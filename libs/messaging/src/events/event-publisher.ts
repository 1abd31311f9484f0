import { jetstream, type JetStreamClient, jetstreamManager, type PubAck, type StreamInfo } from '@nats-io/jetstream';
import { headers as newHeaders, type MsgHdrs } from '@nats-io/nats-core';
import { Injectable } from '@nestjs/common';
import { Headers, type StoredEvent } from '@rookery/contracts';
import { ServiceUnavailable } from '@rookery/platform';
import { ownStreamOf, type StreamDefinition } from '../broker/definitions';
import { Nats } from '../broker/nats';
import { StreamRecovery } from '../broker/stream-recovery';
import { CloudEvent, eventType } from './cloud-event';
import { holds, NotStored, requireAckOf } from './stored-ack';
import { isRejectedAsFull, StreamCapacity } from './stream-capacity';
import { StreamStorage } from './stream-storage';

/** Short, because a retry is harmless, and an ack that a broker restart lost delays the following events. */
const ACK_TIMEOUT_MS = 2_000;
/** A full stream gets room when events expire or an operator raises its limit. */
const RETRY_WHEN_FULL_SECONDS = 5;

/** Publishes events to JetStream as CloudEvents 1.0 in binary mode. */
@Injectable()
export class EventPublisher {
  private readonly jetstream: JetStreamClient;
  private readonly recovery: StreamRecovery;
  private readonly stream: StreamDefinition | undefined;
  private sampling: Promise<StreamInfo> | undefined;
  /** Fill level of this process's own stream. */
  readonly capacity = new StreamCapacity();
  /** Whether that stream stores events. */
  readonly storage = new StreamStorage();

  constructor(private readonly nats: Nats) {
    this.jetstream = jetstream(nats.connection, { timeout: ACK_TIMEOUT_MS });
    this.recovery = new StreamRecovery(nats);
    this.stream = ownStreamOf(nats.service);
    if (this.stream !== undefined) {
      // Also while nothing is published, because the consumers wait for the stream.
      this.recovery.watch(this.stream, (info) => this.capacity.sample(info));
      this.capacity.show(nats.metrics, this.stream);
      this.storage.show(nats.metrics, this.stream);
      const { name: stream } = this.stream;
      const { storage } = this;
      nats.dependOn({
        what: `storing ${stream}`,
        get alive() {
          return storage.storing;
        },
      });
      nats.onReconnect(() => storage.reconnected());
    }
  }

  /**
   * Publishes an event and waits until the stream has stored it. Recreates the stream if the broker lost it.
   *
   * Publishing the same id again is harmless: the stream drops duplicates within two minutes, the consumers drop later ones. After a purge or a
   * deletion the stream still drops them for those two minutes although it no longer has the event: that is `NotStored`, too.
   * @throws {ServiceUnavailable} when the broker is unreachable or the stream is full (see `capacity`)
   * @throws {NotStored} when the acknowledgement cannot come from this stream
   * @throws {Error} when there is no acknowledgement within 2 s
   */
  async publish(event: StoredEvent): Promise<void> {
    if (!this.nats.connected) {
      // The client would buffer events without limit until the broker is back. The outbox keeps them instead.
      throw new ServiceUnavailable('The broker cannot be reached.');
    }
    const headers = headersOf(event);
    try {
      const ack = await this.recovery.publishOrRecreate(this.stream, () =>
        this.jetstream.publish(event.subject, event.data, { headers, msgID: event.id, timeout: ACK_TIMEOUT_MS }),
      );
      await this.confirm(ack, event);
      this.storage.stored();
    } catch (error) {
      this.recordFailure();
      if (!isRejectedAsFull(error)) {
        throw error;
      }
      this.capacity.rejected();
      throw new ServiceUnavailable('The stream of events is full.', RETRY_WHEN_FULL_SECONDS, { cause: error });
    }
  }

  /** A failure by a broken connection says nothing about the stream. */
  private recordFailure(): void {
    if (this.nats.connected) {
      this.storage.failed();
    }
  }

  /** Accepts an acknowledgement that can come from the stream, and a "duplicate" only if the stream holds the event. */
  private async confirm(ack: PubAck, { id }: StoredEvent): Promise<void> {
    const stream = this.stream?.name ?? '';
    requireAckOf(stream, ack);
    if (!ack.duplicate) {
      return;
    }
    const stored = holds(await this.sample(stream), ack.seq);
    this.nats.metrics.eventDuplicates.inc({ outcome: stored ? 'stored' : 'missing' });
    if (!stored) {
      throw new NotStored(
        `the stream ${stream} drops the event ${id} as a duplicate but no longer holds it (it was purged or deleted): it accepts the event again two minutes after the first publication`,
      );
    }
  }

  /** Concurrent calls share one request. */
  private async sample(stream: string): Promise<StreamInfo> {
    this.sampling ??= jetstreamManager(this.nats.connection, { checkAPI: false, timeout: ACK_TIMEOUT_MS })
      .then((manager) => manager.streams.info(stream, { deleted_details: true }))
      .finally(() => (this.sampling = undefined));
    return this.sampling;
  }
}

function headersOf(event: StoredEvent): MsgHdrs {
  const headers = newHeaders();
  headers.set(CloudEvent.specversion, '1.0');
  headers.set(CloudEvent.id, event.id);
  headers.set(CloudEvent.type, eventType(event));
  headers.set(CloudEvent.source, event.source);
  headers.set(CloudEvent.subject, event.aggregateId);
  headers.set(CloudEvent.time, event.time);
  headers.set(CloudEvent.sequence, String(event.sequence));
  headers.set(CloudEvent.contentType, 'application/json');
  headers.set(Headers.correlationId, event.correlationId);
  if (event.causationId !== null) {
    headers.set(Headers.causationId, event.causationId);
  }
  if (event.traceparent !== null) {
    headers.set(Headers.traceparent, event.traceparent);
  }
  return headers;
}
