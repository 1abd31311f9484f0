import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { testBroker, type TestBroker } from '@rookery/testing';
import { consumerDefinitions } from '../src/broker/definitions';
import { forgetDeliveries } from '../src/broker/service-recovery';

describe('forgetDeliveries', () => {
  let broker: TestBroker;
  let admin: NatsConnection;

  beforeAll(async () => {
    broker = await testBroker();
    admin = await broker.adminConnection();
  });
  afterAll(() => broker.close());

  it('deletes the consumers of one service only, and succeeds when they are missing', async () => {
    const names = async (): Promise<readonly string[]> => {
      const manager = await jetstreamManager(admin);
      const all = ['ORDERS', 'PAYMENTS', 'PRODUCTS'].map(async (stream) =>
        (await manager.consumers.list(stream).next()).map(({ name }) => `${stream} ${name}`),
      );
      return (await Promise.all(all)).flat().toSorted();
    };
    const expected = consumerDefinitions
      .filter(({ durable }) => durable !== 'orders')
      .map(({ stream, durable }) => `${stream} ${durable}`)
      .toSorted();

    expect(await forgetDeliveries(admin, 'orders')).toEqual(['PAYMENTS', 'PRODUCTS']);
    expect(await names()).toEqual(expected);
    await forgetDeliveries(admin, 'orders');
    expect(await names()).toEqual(expected);
  });
});
