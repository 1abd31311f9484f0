import { testBroker, type TestBroker } from '@rookery/testing';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { provisionBroker } from '../src';

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

  it('asks for as many copies of each stream as it is told, also of those that are there', async () => {
    // A single server says no, and so that it was asked.
    await expect(provisionBroker(admin, { replicas: 3 })).rejects.toThrow(/replicas/);
    await manager.streams.delete('ORDERS');
    await expect(provisionBroker(admin, { replicas: 3 })).rejects.toThrow(/replicas/);
  });

  it('leaves the copies as they are unless told', async () => {
    await provisionBroker(admin);
    expect(await copies()).toBe(1);
    await provisionBroker(admin);
    expect(await copies()).toBe(1);
  });
});
