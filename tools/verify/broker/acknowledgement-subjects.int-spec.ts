import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { type NatsConnection, PermissionViolationError } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { Controller, type INestMicroservice, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy, Payload } from '@nestjs/microservices';
import { type EventOf, OrderConfirmed } from '@rookery/contracts';
import { brokerAccount, MAIN_ACCOUNT, makeSeeds } from '@rookery/devkit/stack/broker-accounts';
import { type EmbeddedNats, startNats } from '@rookery/devkit/stack/embedded-nats';
import { provision } from '@rookery/devkit/stack/infrastructure';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { freePorts } from '@rookery/devkit/stack/ports';
import { brokerLogin, EventPublisher, JetStreamServer, Nats, natsServerConfig, OnEvent } from '@rookery/messaging';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { eventually } from '@rookery/testing';

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

const binary = await findNatsServer();

/** Whether the server knows what is in a configuration. */
function knows(config: string): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-nats-check-'));
  try {
    writeFileSync(join(folder, 'nats.conf'), config);
    return spawnSync(binary, ['--config', join(folder, 'nats.conf'), '-t']).status === 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Both forms of `$JS.ACK…`. Servers before 2.15 do not know the second one: there it is skipped. */
const forms = [
  ['stream and consumer', '', /^\$JS\.ACK\.ORDERS\.payments\./],
  [
    'domain, account, stream and consumer',
    'feature_flags { js_ack_fc_v2: true }\n',
    /^\$JS\.ACK\._\.[^.]+\.ORDERS\.payments\./,
  ],
  [
    'domain, account, stream and consumer, and whose API answers in its second form',
    'feature_flags { js_ack_fc_v2: true, js_api_reply_v2: true }\n',
    /^\$JS\.ACK\._\.[^.]+\.ORDERS\.payments\./,
  ],
] as const;

describe.each(forms)('a nats-server whose acknowledgement subjects name %s', (_, feature, form) => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-ack-subjects-'));
  const seeds = makeSeeds();
  const open: (() => Promise<unknown>)[] = [];
  let broker: EmbeddedNats;
  let manager: JetStreamManager;
  let admin: NatsConnection;

  const login = async (service: 'orders' | 'payments', url: string): Promise<Nats> => {
    const nats = await Nats.connect({ service, url, nkeySeed: seeds[service] });
    open.push(() => nats.close());
    return nats;
  };

  const supported = feature === '' || knows(feature);
  const itOnSuchAServer = supported ? it : it.skip;

  beforeAll(async () => {
    if (!supported) {
      return;
    }
    handled.length = 0;
    const [port = 0] = await freePorts(1);
    const accounts = [brokerAccount(MAIN_ACCOUNT, seeds)];
    const config = natsServerConfig({ port, storeDir: join(folder, 'jetstream'), accounts }) + feature;
    broker = await startNats({ binary, config, port, folder, logFile: join(folder, 'nats.log') });
    open.push(() => broker.stop());
    await provision(broker.url, { nkeySeed: seeds.admin });
    admin = await connect({ servers: broker.url, ...brokerLogin({ nkeySeed: seeds.admin }) });
    open.push(() => admin.close());
    manager = await jetstreamManager(admin);
  });
  afterAll(async () => {
    for (const close of open.toReversed()) {
      await close();
    }
    rmSync(folder, { recursive: true });
  });

  itOnSuchAServer('takes the acknowledgements of a service, each event is delivered once', async () => {
    const [orders, payments] = [await login('orders', broker.url), await login('payments', broker.url)];
    const refused: string[] = [];
    void (async () => {
      for await (const status of payments.connection.status()) {
        if (status.type === 'error' && status.error instanceof PermissionViolationError) {
          refused.push(status.error.message);
        }
      }
    })();
    const acknowledged: string[] = [];
    admin.subscribe('$JS.ACK.>', { callback: (_error, { subject }) => void acknowledged.push(subject) });
    await admin.flush();
    const passed = { pass: () => Promise.resolve() };
    const strategy = new JetStreamServer(payments, { service: 'payments', passed });
    const consumer: INestMicroservice = await NestFactory.createMicroservice<CustomStrategy>(Consumer, { strategy });
    open.push(() => consumer.close());
    await consumer.listen();
    const publisher = new EventPublisher(orders);
    const orderIds = Array.from({ length: 20 }, () => uuidv7());
    for (const orderId of orderIds) {
      await publisher.publish({
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
    }
    await eventually(async () => {
      const { num_ack_pending, num_pending, num_redelivered } = await manager.consumers.info('ORDERS', 'payments');
      expect({ num_ack_pending, num_pending, num_redelivered }).toEqual({
        num_ack_pending: 0,
        num_pending: 0,
        num_redelivered: 0,
      });
    });
    expect(handled.toSorted()).toEqual(orderIds.toSorted());
    expect(acknowledged.filter((subject) => !form.test(subject))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThanOrEqual(orderIds.length);
    expect(refused).toEqual([]);
  });
});
