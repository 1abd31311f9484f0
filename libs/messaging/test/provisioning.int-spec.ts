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

  it('gives each stream as many copies as it is told, and leaves them alone unless told', async () => {
    expect(await copies()).toBe(1);
    await provisionBroker(admin, { replicas: 3 });
    expect(await copies()).toBe(3);
    await provisionBroker(admin);
    expect(await copies()).toBe(3);
    await provisionBroker(admin, { replicas: 1 });
    expect(await copies()).toBe(1);
  });

  it('asks for them when it makes a stream, which a server without a cluster refuses', async () => {
    await manager.streams.delete('ORDERS');
    await expect(provisionBroker(admin, { replicas: 3 })).rejects.toThrow(/replicas/);
    await provisionBroker(admin);
    expect(await copies()).toBe(1);
  });
});
