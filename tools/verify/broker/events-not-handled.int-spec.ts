import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { Controller, type INestMicroservice, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy, Payload } from '@nestjs/microservices';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import {
  type EventContract,
  type EventEnvelope,
  OrderCanceled,
  OrderConfirmed,
  OrderCreated,
} from '@rookery/contracts';
import { EventPublisher, JetStreamServer, Nats, OnEvent } from '@rookery/messaging';
import { createInbox, createInboxOrderIndex, dataSourceOptions, Inbox, PersistenceModule } from '@rookery/persistence';
import { configureLogger, PassedEvents, PlatformModule, RpcProblemFilter, uuidv7 } from '@rookery/platform';
import { eventually, LENIENCY, testBroker, type TestBroker, testDatabase, type TestDatabase } from '@rookery/testing';

configureLogger('test', 'silent');
Logger.overrideLogger(false);

class CreateTables1700000000000 implements MigrationInterface {
  readonly up = (runner: QueryRunner): Promise<void> => createInbox(runner);
  readonly down = (): Promise<void> => Promise.resolve();
}
class OrderIndex1700000000001 implements MigrationInterface {
  readonly transaction = false;
  readonly up = (runner: QueryRunner): Promise<void> => createInboxOrderIndex(runner);
  readonly down = (): Promise<void> => Promise.resolve();
}
const migrations = [CreateTables1700000000000, OrderIndex1700000000001];

const effects: EventEnvelope[] = [];

/** Acts on an order's end and on nothing before it: nobody handles `OrderCreated` and `OrderConfirmed` here. */
@Controller()
class Cancellations {
  constructor(private readonly inbox: Inbox) {}

  @OnEvent(OrderCanceled)
  async canceled(@Payload() event: EventEnvelope): Promise<void> {
    await this.inbox.once(event, async () => void effects.push(event));
  }
}

/** payments as a consumer of orders' events, on a real database, with one handler instead of its own. */
describe('events of an aggregate that a service does not handle', () => {
  let broker: TestBroker;
  let database: TestDatabase;
  let app: INestMicroservice;
  let payments: Nats;
  let publisher: EventPublisher;
  let manager: JetStreamManager;

  const start = async (): Promise<void> => {
    payments = await broker.connect('payments');
    const options = dataSourceOptions({ url: database.url, entities: [], migrations });

    @Module({
      imports: [PlatformModule, PersistenceModule.forRoot({ service: 'payments', options })],
      controllers: [Cancellations],
    })
    class Consumer {}
    // A microservice is given its transport before there is anything to inject.
    const passed: PassedEvents = { pass: (event) => app.get(PassedEvents).pass(event) };
    app = await NestFactory.createMicroservice<CustomStrategy>(Consumer, {
      strategy: new JetStreamServer(payments, { service: 'payments', passed }),
    });
    app.useGlobalFilters(new RpcProblemFilter());
    await app.listen();
    await eventually(() => payments.check());
  };
  const stop = async (): Promise<void> => {
    await app.close();
    await payments.close();
  };

  const publish = (contract: EventContract, aggregateId: string, sequence: number, data: unknown): Promise<void> =>
    publisher.publish({
      id: uuidv7(),
      name: contract.name,
      version: contract.version,
      source: contract.producer,
      subject: contract.subject,
      aggregateId,
      sequence,
      time: new Date().toISOString(),
      correlationId: aggregateId,
      causationId: null,
      traceparent: null,
      data: JSON.stringify(data),
    });
  const cancel = (orderId: string, sequence: number): Promise<void> =>
    publish(OrderCanceled, orderId, sequence, { orderId, reason: 'customer-request' });

  const sequencesOf = (orderId: string): readonly number[] =>
    effects.filter(({ aggregateId }) => aggregateId === orderId).map(({ sequence }) => sequence);
  const overtaken = (): boolean => effects.some(({ skipsGap }) => skipsGap);
  const noted = async (orderId: string): Promise<readonly number[]> => {
    const sql = 'SELECT sequence FROM inbox WHERE aggregate_id = $1 ORDER BY sequence';
    return (await database.query<{ sequence: number }>(sql, [orderId])).map(({ sequence }) => sequence);
  };
  const finished = (): Promise<void> =>
    eventually(async () => {
      expect(await manager.consumers.info('ORDERS', 'payments')).toMatchObject({ num_pending: 0, num_ack_pending: 0 });
    });

  beforeAll(async () => {
    broker = await testBroker();
    database = await testDatabase('events_not_handled', { migrations });
    manager = await jetstreamManager(await broker.adminConnection());
    publisher = await broker.publisher('orders');
    await start();
  });
  beforeEach(() => (effects.length = 0));
  afterAll(async () => {
    await stop();
    await broker.close();
    await database.drop();
  });

  it('delay no later one that it handles, and have no effect', async () => {
    const orderIds = Array.from({ length: 20 }, () => uuidv7());
    const started = performance.now();
    for (const orderId of orderIds) {
      await publish(OrderCreated, orderId, 1, {});
      await publish(OrderConfirmed, orderId, 2, { orderId });
      await cancel(orderId, 3);
    }
    await eventually(() => expect(orderIds.map(sequencesOf)).toEqual(orderIds.map(() => [3])));
    expect(performance.now() - started).toBeLessThan(5_000 * LENIENCY);
    expect(overtaken()).toBe(false);
    await finished();
    expect(await noted(orderIds[0] ?? '')).toEqual([1, 2, 3]);
    expect((await manager.streams.info('DLQ_PAYMENTS')).state.messages).toBe(0);
  });

  it('are noted in their turn: one that comes too early lets none of its successors overtake what is missing', async () => {
    const orderId = uuidv7();
    await publish(OrderConfirmed, orderId, 2, { orderId });
    await cancel(orderId, 3);
    await eventually(async () => {
      expect((await manager.consumers.info('ORDERS', 'payments')).num_ack_pending).toBe(2);
    });
    expect([sequencesOf(orderId), await noted(orderId)]).toEqual([[], []]);
    await cancel(orderId, 1);
    await eventually(() => expect(sequencesOf(orderId)).toEqual([1, 3]));
    expect(overtaken()).toBe(false);
    await finished();
  });

  it('are noted once when the process ends between the note and its acknowledgement', async () => {
    const orderId = uuidv7();
    await publish(OrderConfirmed, orderId, 1, { orderId });
    await finished();
    await stop();
    // As if the acknowledgement had never come: the whole stream is delivered again.
    await manager.consumers.delete('ORDERS', 'payments');
    await start();
    await cancel(orderId, 2);
    await eventually(() => expect(sequencesOf(orderId)).toEqual([2]));
    await finished();
    expect(await noted(orderId)).toEqual([1, 2]);
  });

  it('are acknowledged and forgotten when no inbox could note them', async () => {
    await publish(OrderConfirmed, 'no-uuid', 1, {});
    await publish(OrderConfirmed, uuidv7(), 2 ** 31, {});
    await finished();
    expect((await manager.streams.info('DLQ_PAYMENTS')).state.messages).toBe(0);
  });
});
