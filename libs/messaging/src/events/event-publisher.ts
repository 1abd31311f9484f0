import { Headers, type EventContract, type EventEnvelope } from '@rookery/contracts';
import { ServiceUnavailable } from '@rookery/platform';
import { jetstream, jetstreamManager, type JetStreamClient, type PubAck, type StreamInfo } from '@nats-io/jetstream';
import { headers as newHeaders, type MsgHdrs } from '@nats-io/nats-core';
import { Injectable } from '@nestjs/common';
import { ownStreamOf, type StreamDefinition } from '../broker/definitions';
import { BrokerRepair } from '../broker/stream-recovery';
import { CloudEvent, eventType } from './cloud-event';
import { Nats } from '../broker/nats';
import { holds, NotStored, requireAckOf } from './stored-ack';
import { isRefusedAsFull, StreamRoom } from './stream-room';
import { StreamStorage } from './stream-storage';

/** Short, because sending again is harmless, and an ack that a restart of the broker swallowed holds up what comes behind. */
const ACK_TIMEOUT_MS = 2_000;
/** Room comes when events are old enough or an operator gives some. */
const RETRY_WHEN_FULL_SECONDS = 5;

/** An event on its way out: an envelope with its NATS subject, and its data as the JSON text that was stored. */
export interface OutgoingEvent extends Omit<EventEnvelope, 'attempt' | 'overtakes' | 'data'> {
  readonly subject: EventContract['subject'];
  readonly data: string;
}

/** Publishes events to JetStream as CloudEvents 1.0 in binary mode. */
@Injectable()
export class EventPublisher {
  private readonly jetstream: JetStreamClient;
  private readonly repair: BrokerRepair;
  private readonly stream: StreamDefinition | undefined;
  private looking: Promise<StreamInfo> | undefined;
  /** How full this process's own stream is. */
  readonly room = new StreamRoom();
  /** Whether it stores what this process publishes. */
  readonly storage = new StreamStorage();

  constructor(private readonly nats: Nats) {
    this.jetstream = jetstream(nats.connection, { timeout: ACK_TIMEOUT_MS });
    this.repair = new BrokerRepair(nats);
    this.stream = ownStreamOf(nats.service);
    if (this.stream !== undefined) {
      // Also while nothing is published: those who consume it wait for it.
      this.repair.watch(this.stream, (info) => this.room.note(info));
      this.room.show(nats.metrics, this.stream);
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
   * Resolves when the stream has stored the event, made again if the broker lost it; rejects when the stream does not say so within 2 s
   * (`NotStored` when somebody else does), or when it is full (503, see `room`). Publishing the same id again is
   * harmless: the stream drops repetitions within two minutes, consumers later ones. After a purge or a deletion it drops them although it
   * has the event no more: `NotStored` until the two minutes are over.
   */
  async publish(event: OutgoingEvent): Promise<void> {
    if (!this.nats.connected) {
      // The client would buffer it without bound until the broker is back; the outbox keeps it instead.
      throw new ServiceUnavailable('The broker cannot be reached.');
    }
    const headers = headersOf(event);
    try {
      const ack = await this.repair.storing(this.stream, () =>
        this.jetstream.publish(event.subject, event.data, { headers, msgID: event.id, timeout: ACK_TIMEOUT_MS }),
      );
      await this.confirm(ack, event);
      this.storage.stored();
    } catch (error) {
      this.noteFailure();
      if (!isRefusedAsFull(error)) {
        throw error;
      }
      this.room.refused();
      throw new ServiceUnavailable('The stream of events is full.', RETRY_WHEN_FULL_SECONDS, { cause: error });
    }
  }

  /** A connection that broke meanwhile says nothing of the stream. */
  private noteFailure(): void {
    if (this.nats.connected) this.storage.failed();
  }

  /** An acknowledgement is believed when the stream can have given it, "there already" when the event is. */
  private async confirm(ack: PubAck, { id }: OutgoingEvent): Promise<void> {
    const stream = this.stream?.name ?? '';
    requireAckOf(stream, ack);
    if (!ack.duplicate) return;
    const stored = holds(await this.look(stream), ack.seq);
    this.nats.metrics.eventDuplicates.inc({ outcome: stored ? 'stored' : 'missing' });
    if (!stored) {
      throw new NotStored(
        `the stream ${stream} takes the event ${id} for a repetition, but has it no more (it was purged or deleted): it takes it again two minutes after it first did`,
      );
    }
  }

  /** One look for all who wait for one. */
  private async look(stream: string): Promise<StreamInfo> {
    this.looking ??= jetstreamManager(this.nats.connection, { checkAPI: false, timeout: ACK_TIMEOUT_MS })
      .then((manager) => manager.streams.info(stream, { deleted_details: true }))
      .finally(() => (this.looking = undefined));
    return this.looking;
  }
}

function headersOf(event: OutgoingEvent): MsgHdrs {
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
