import { jetstreamManager } from '@nats-io/jetstream';
import { headers as newHeaders, type NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { Headers } from '@rookery/contracts';
import type { BrokerAccess } from '@rookery/devkit/stack/app-env';
import { messagesOf } from '@rookery/devkit/stack/broker-reader';
import { brokerLogin, CloudEvent, eventType, provisionBroker, streamOf } from '@rookery/messaging';
import type { TemplateRow } from './bench-outbox';
import type { ReadyMessage } from './relay-peers';

const STREAM = streamOf('orders');

/** The stream that the contestants publish to. */
export class BenchStream {
  private constructor(private readonly admin: NatsConnection) {}

  static async connect({ url, seeds }: BrokerAccess): Promise<BenchStream> {
    return new BenchStream(await connect({ servers: url, ...brokerLogin({ nkeySeed: seeds.admin }), timeout: 10_000 }));
  }

  /** An empty stream that remembers no message id. */
  async renew(): Promise<void> {
    const manager = await jetstreamManager(this.admin);
    await manager.streams.delete(STREAM);
    await provisionBroker(this.admin);
  }

  /** Rows as messages, with the headers that `EventPublisher` gives them. */
  static ready(rows: readonly TemplateRow[]): readonly ReadyMessage[] {
    return rows.map(({ id, subject, data, aggregate, sequence, cause, trace, ...type }) => {
      const headers = newHeaders();
      headers.set(CloudEvent.specversion, '1.0');
      headers.set(CloudEvent.id, id);
      headers.set(CloudEvent.type, eventType(type));
      headers.set(CloudEvent.source, 'orders');
      headers.set(CloudEvent.subject, aggregate);
      headers.set(CloudEvent.time, new Date().toISOString());
      headers.set(CloudEvent.sequence, String(sequence));
      headers.set(CloudEvent.contentType, 'application/json');
      headers.set(Headers.correlationId, aggregate);
      headers.set(Headers.causationId, cause);
      headers.set(Headers.traceparent, trace);
      return { id, subject, headers, data };
    });
  }

  /** Throws unless so many events are there, each once, and those of each aggregate in order, from the first to the last. */
  async verify(count: number, perAggregate: number): Promise<void> {
    const messages = await messagesOf(this.admin, STREAM);
    if (messages.length !== count) {
      throw new Error(`${messages.length} events are in the stream instead of ${count}`);
    }
    const last = new Map<string, number>();
    for (const { headers } of messages) {
      const aggregate = headers?.get(CloudEvent.subject) ?? '';
      const sequence = Number(headers?.get(CloudEvent.sequence));
      const before = last.get(aggregate) ?? 0;
      if (sequence !== before + 1) {
        throw new Error(`event ${sequence} of ${aggregate} comes after ${before}`);
      }
      last.set(aggregate, sequence);
    }
    const unfinished = [...last.values()].filter((sequence) => sequence !== perAggregate).length;
    if (unfinished > 0) {
      throw new Error(`${unfinished} aggregates lack events`);
    }
  }

  async close(): Promise<void> {
    await this.admin.close();
  }
}
