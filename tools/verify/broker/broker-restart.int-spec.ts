import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Controller, type INestMicroservice, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy, Payload } from '@nestjs/microservices';
import { type EventOf, OrderConfirmed } from '@rookery/contracts';
import { brokerAccount, MAIN_ACCOUNT, makeSeeds } from '@rookery/devkit/stack/broker-accounts';
import { type EmbeddedNats, startNats } from '@rookery/devkit/stack/embedded-nats';
import { provision } from '@rookery/devkit/stack/infrastructure';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { freePorts } from '@rookery/devkit/stack/ports';
import { EventPublisher, JetStreamServer, Nats, natsServerConfig, OnEvent } from '@rookery/messaging';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { eventually, LENIENCY } from '@rookery/testing';

configureLogger('test', 'silent');
Logger.overrideLogger(false);

const handled: string[] = [];

@Controller()
class Payments {
  @OnEvent(OrderConfirmed)
  confirmed(@Payload() event: EventOf<typeof OrderConfirmed>): void {
    handled.push(event.aggregateId);
  }
}

@Module({ controllers: [Payments] })
class Consumer {}

describe('a nats-server that comes back with an empty store', () => {
  let folder: string;
  let broker: EmbeddedNats;
  let start: () => Promise<EmbeddedNats>;
  let orders: Nats;
  let payments: Nats;
  let publisher: EventPublisher;
  let consumer: INestMicroservice;

  const publish = (orderId: string): Promise<void> =>
    publisher.publish({
      id: uuidv7(),
      name: OrderConfirmed.name,
      version: OrderConfirmed.version,
      source: OrderConfirmed.producer,
      subject: OrderConfirmed.subject,
      aggregateId: orderId,
      sequence: 1,
      time: new Date().toISOString(),
      correlationId: orderId,
      causationId: null,
      traceparent: null,
      data: JSON.stringify({ orderId }),
    });

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-broker-restart-'));
    const [port = 0] = await freePorts(1);
    const binary = await findNatsServer();
    const seeds = makeSeeds();
    const config = natsServerConfig({
      port,
      storeDir: join(folder, 'jetstream'),
      accounts: [brokerAccount(MAIN_ACCOUNT, seeds)],
    });
    start = () => startNats({ binary, config, port, folder, logFile: join(folder, 'nats.log') });
    broker = await start();
    await provision(broker.url, { nkeySeed: seeds.admin });
    orders = await Nats.connect({ service: 'orders', url: broker.url, nkeySeed: seeds.orders });
    payments = await Nats.connect({ service: 'payments', url: broker.url, nkeySeed: seeds.payments });
    publisher = new EventPublisher(orders);
    consumer = await NestFactory.createMicroservice<CustomStrategy>(Consumer, {
      strategy: new JetStreamServer(payments, { service: 'payments', passed: { pass: () => Promise.resolve() } }),
    });
    await consumer.listen();
    await eventually(() => payments.check());
  });

  afterAll(async () => {
    await consumer.close();
    await Promise.all([orders.close(), payments.close()]);
    await broker.stop();
    rmSync(folder, { recursive: true });
  });

  it('has its events delivered again within five seconds of its return, without anybody’s help', async () => {
    const [before, after] = [uuidv7(), uuidv7()];
    await publish(before);
    await eventually(() => expect(handled).toEqual([before]));

    await broker.stop();
    rmSync(join(folder, 'jetstream'), { recursive: true });
    await eventually(() => expect(payments.check()).rejects.toThrow());
    broker = await start();
    const returnedAt = performance.now();

    await eventually(() => publish(after));
    await eventually(() => expect(handled).toContain(after));
    await eventually(() => payments.check());
    expect(performance.now() - returnedAt).toBeLessThan(5_000 * LENIENCY);
  });
});
