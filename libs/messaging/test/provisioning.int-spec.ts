import { DiscardPolicy, jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { OrderConfirmed } from '@rookery/contracts';
import { testBroker, type TestBroker } from '@rookery/testing';
import {
  consumerDefinitions,
  DEAD_LETTER_STREAM_MAX_BYTES,
  EVENT_STREAM_MAX_BYTES,
  MAX_ACK_PENDING,
} from '../src/broker/definitions';
import { provisionBroker, StreamTooSmall, TooFewServers } from '../src/broker/provisioning';

describe('provisionBroker', () => {
  let broker: TestBroker;
  let admin: NatsConnection;
  let manager: JetStreamManager;

  beforeAll(async () => {
    broker = await testBroker();
    admin = await broker.adminConnection();
    manager = await jetstreamManager(admin);
  });
  afterAll(() => broker.close());

  const copies = async (): Promise<number> => (await manager.streams.info('ORDERS')).config.num_replicas;

  it('rejects several copies of a stream on a single server, names the remedy, and changes nothing', async () => {
    const attempt = provisionBroker(admin, { replicas: 3 });
    await expect(attempt).rejects.toThrow(TooFewServers);
    await expect(attempt).rejects.toThrow(/BROKER_REPLICAS/);
    expect(await copies()).toBe(1);
    await manager.streams.delete('ORDERS');
    await expect(provisionBroker(admin, { replicas: 3 })).rejects.toThrow(TooFewServers);
    await expect(manager.streams.info('ORDERS')).rejects.toThrow(/not found/);
    await provisionBroker(admin, { replicas: 1 });
    expect(await copies()).toBe(1);
  });

  it('prevents deletion of events before they expire, and of dead letters except one by one', async () => {
    await publish(2);
    await expect(manager.streams.purge('ORDERS')).rejects.toThrow(/not permitted/);
    await expect(manager.streams.deleteMessage('ORDERS', 1)).rejects.toThrow(/not permitted/);
    expect((await manager.streams.info('ORDERS')).state.messages).toBe(2);
    const { seq } = await jetstream(admin).publish('dlq.orders.x', '');
    expect(await manager.streams.deleteMessage('DLQ_ORDERS', seq)).toBe(true);
  });

  const limitsOf = async (stream: string) => {
    const { max_bytes, discard } = (await manager.streams.info(stream)).config;
    return { max_bytes, discard };
  };
  const publish = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      await jetstream(admin).publish(OrderConfirmed.subject, 'x'.repeat(1_000));
    }
  };

  it('updates a stream that drops its oldest events when full to one that rejects new ones', async () => {
    await manager.streams.delete('ORDERS');
    await manager.streams.add({ name: 'ORDERS', subjects: ['events.orders.>'], discard: DiscardPolicy.Old });
    await publish(3);
    await provisionBroker(admin);
    expect(await limitsOf('ORDERS')).toEqual({ max_bytes: EVENT_STREAM_MAX_BYTES, discard: 'new' });
    await expect(manager.streams.purge('ORDERS')).rejects.toThrow(/not permitted/);
    expect(await limitsOf('DLQ_ORDERS')).toEqual({ max_bytes: DEAD_LETTER_STREAM_MAX_BYTES, discard: 'new' });
    expect((await manager.streams.info('ORDERS')).state.messages).toBe(3);
  });

  it('applies size limits, and a full stream rejects events instead of dropping old ones', async () => {
    await manager.streams.delete('ORDERS');
    await provisionBroker(admin, { eventBytes: 10_000, deadLetterBytes: 20_000 });
    expect(await limitsOf('PAYMENTS')).toEqual({ max_bytes: 10_000, discard: 'new' });
    expect(await limitsOf('DLQ_PAYMENTS')).toEqual({ max_bytes: 20_000, discard: 'new' });
    await expect(publish(20)).rejects.toMatchObject({ code: 10_077 });
    const { first_seq, last_seq, messages } = (await manager.streams.info('ORDERS')).state;
    expect(messages).toBe(last_seq - first_seq + 1);
    expect(messages).toBeGreaterThan(5);
    await provisionBroker(admin);
    await publish(1);
  });

  it('rejects a limit below what a stream holds, and does not change the stream', async () => {
    await publish(5);
    const before = (await manager.streams.info('ORDERS')).state.messages;
    await expect(provisionBroker(admin, { eventBytes: 2_000 })).rejects.toThrow(StreamTooSmall);
    expect((await manager.streams.info('ORDERS')).state.messages).toBe(before);
  });

  it('limits the unacknowledged messages of each consumer', async () => {
    const consumers = await Promise.all(
      consumerDefinitions.map(({ stream, durable }) => manager.consumers.info(stream, durable)),
    );
    expect(new Set(consumers.map(({ config }) => config.max_ack_pending))).toEqual(new Set([MAX_ACK_PENDING]));
  });
});
