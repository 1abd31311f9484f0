import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { Controller, type INestApplicationContext, type INestMicroservice, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy, Payload } from '@nestjs/microservices';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { type EventEnvelope, type EventOf, OrderConfirmed } from '@rookery/contracts';
import { deadLetterStreamOf, EventPublisher, JetStreamServer, Nats, OnEvent } from '@rookery/messaging';
import {
  createIdempotencyKeys,
  createOutboxAndInbox,
  dataSourceOptions,
  Inbox,
  Outbox,
  OutboxRelay,
  PersistenceModule,
  UnitOfWork,
} from '@rookery/persistence';
import { configureLogger, PassedEvents, PlatformModule, uuidv7 } from '@rookery/platform';
import { eventually, LENIENCY, testBroker, type TestBroker, testDatabase, type TestDatabase } from '@rookery/testing';

configureLogger('test', 'silent');
Logger.overrideLogger(false);

class CreateTables1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createOutboxAndInbox(runner);
    await createIdempotencyKeys(runner);
    await runner.query('CREATE TABLE effect (order_id uuid NOT NULL, sequence integer NOT NULL)');
  }
  readonly down = (): Promise<void> => Promise.resolve();
}

@Controller()
class Effects {
  constructor(private readonly inbox: Inbox) {}

  @OnEvent(OrderConfirmed)
  async confirmed(@Payload() event: EventOf<typeof OrderConfirmed>): Promise<void> {
    await this.inbox.once(event, async (tx) => {
      await tx.query('INSERT INTO effect VALUES ($1, $2)', [event.aggregateId, event.sequence]);
    });
  }
}

/** orders as a producer and payments as a consumer, each on a real database, and nothing else of them. */
describe('the loss of JetStream’s store', () => {
  let broker: TestBroker;
  let databases: { readonly orders: TestDatabase; readonly payments: TestDatabase };
  let producer: INestApplicationContext;
  let consumer: INestMicroservice;
  let ordersNats: Nats;
  let paymentsNats: Nats;
  let manager: JetStreamManager;
  const orderIds = Array.from({ length: 5 }, () => uuidv7());

  const persistence = (service: 'orders' | 'payments') =>
    PersistenceModule.forRoot({
      service,
      options: dataSourceOptions({
        url: databases[service].url,
        entities: [],
        migrations: [CreateTables1700000000000],
      }),
    });

  const append = (sequence: number): Promise<void> =>
    producer.get(UnitOfWork).run((tx) =>
      producer.get(Outbox).append(
        tx,
        orderIds.map((aggregateId) => ({
          contract: OrderConfirmed,
          aggregateId,
          sequence,
          data: { orderId: aggregateId } satisfies EventEnvelope['data'],
        })),
      ),
    );

  const effects = async (): Promise<readonly number[]> =>
    (await databases.payments.query<{ sequence: number }>('SELECT sequence FROM effect ORDER BY sequence')).map(
      ({ sequence }) => sequence,
    );

  const idsInStream = async (): Promise<readonly string[]> => {
    const { state } = await manager.streams.info('ORDERS');
    const ids = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
      ids.push((await manager.streams.getMessage('ORDERS', { seq }))?.header.get('ce-id') ?? '');
    }
    return ids;
  };

  beforeAll(async () => {
    const migrations = [CreateTables1700000000000];
    broker = await testBroker();
    const [orders, payments] = await Promise.all([
      testDatabase('loss_orders', { migrations }),
      testDatabase('loss_payments', { migrations }),
    ]);
    databases = { orders, payments };
    manager = await jetstreamManager(await broker.adminConnection());
    [ordersNats, paymentsNats] = [await broker.connect('orders'), await broker.connect('payments')];

    @Module({ imports: [PlatformModule, persistence('orders')] })
    class Producer {}
    producer = await NestFactory.createApplicationContext(Producer);
    producer.get(OutboxRelay).start(new EventPublisher(ordersNats));

    @Module({ imports: [PlatformModule, persistence('payments')], controllers: [Effects] })
    class Consumer {}
    consumer = await NestFactory.createMicroservice<CustomStrategy>(Consumer, {
      strategy: new JetStreamServer(paymentsNats, {
        service: 'payments',
        passed: { pass: (event) => consumer.get(PassedEvents).pass(event) },
      }),
    });
    await consumer.listen();
    await eventually(() => paymentsNats.check());
  });

  afterAll(async () => {
    await Promise.all([producer.close(), consumer.close()]);
    await broker.close();
    await Promise.all([databases.orders.drop(), databases.payments.drop()]);
  });

  it('heals by itself within five seconds, and republishing restores the stream with every event taking effect once', async () => {
    await append(1);
    await eventually(async () => expect(await effects()).toEqual([1, 1, 1, 1, 1]));
    const published = await idsInStream();

    for await (const { config } of manager.streams.list()) {
      await manager.streams.delete(config.name);
    }
    const lostAt = performance.now();
    await append(2);

    await eventually(async () => expect(await effects()).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]));
    expect(performance.now() - lostAt).toBeLessThan(5_000 * LENIENCY);
    await eventually(() => paymentsNats.check());
    expect(await idsInStream()).toHaveLength(5);

    // Within the streams' duplicate_window: it knows no id of what was lost, and drops those that it has.
    expect(await producer.get(Outbox).republish(new Date(0))).toBe(10);

    await eventually(async () => {
      const ids = await idsInStream();
      expect(ids).toHaveLength(10);
      expect(ids).toEqual(expect.arrayContaining([...published]));
    });
    await eventually(async () => {
      expect(await manager.consumers.info('ORDERS', 'payments')).toMatchObject({ num_pending: 0, num_ack_pending: 0 });
    });
    expect(await effects()).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
    expect(await databases.orders.query('SELECT id FROM outbox WHERE published_at IS NULL')).toEqual([]);
    await expect(manager.streams.info(deadLetterStreamOf('payments'))).rejects.toThrow('stream not found');
  });
});
