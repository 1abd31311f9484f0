import { jetstreamManager } from '@nats-io/jetstream';
import { nanos, type NatsConnection } from '@nats-io/nats-core';
import { Controller, type INestMicroservice, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy, Payload } from '@nestjs/microservices';
import {
  EVENT_TOO_EARLY,
  type EventEnvelope,
  type EventOf,
  OrderCanceled,
  OrderConfirmed,
  type StoredEvent,
} from '@rookery/contracts';
import {
  configureLogger,
  currentContext,
  DomainError,
  type PassedEvent,
  type RequestContext,
  RpcProblemFilter,
  uuidv7,
} from '@rookery/platform';
import { eventually, FaultyLink, LENIENCY, testBroker, type TestBroker } from '@rookery/testing';
import { ACK_WAIT_MS } from '../src/broker/definitions';
import { Nats } from '../src/broker/nats';
import { DeadLetterHeaders } from '../src/events/dead-letter';
import { EventPublisher } from '../src/events/event-publisher';
import type { JetStreamServerOptions } from '../src/events/jetstream-options';
import { JetStreamServer } from '../src/events/jetstream-server';
import { OnEvent } from '../src/events/on-event';
import { PermanentFailure } from '../src/events/permanent-failure';
import { NotStored } from '../src/events/stored-ack';

/** Sooner than the broker would deliver again by itself what another instance holds. */
const RELEASED = { timeoutMs: ACK_WAIT_MS - 1_000 } as const;

type Handled = EventEnvelope & { readonly context: RequestContext | undefined };

/** Deliveries to the handler, and its next results. */
const handled: Handled[] = [];
const passed: PassedEvent[] = [];
let behave: (event: EventEnvelope) => Promise<void> = () => Promise.resolve();

@Controller()
class PaymentConsumer {
  @OnEvent(OrderConfirmed)
  async confirmed(@Payload() event: EventOf<typeof OrderConfirmed>): Promise<void> {
    handled.push({ ...event, context: currentContext() });
    await behave(event);
  }
}

@Module({ controllers: [PaymentConsumer] })
class AppModule {}

const confirmed = (aggregateId: string, sequence: number, change: Partial<StoredEvent> = {}): StoredEvent => ({
  id: uuidv7(),
  name: OrderConfirmed.name,
  version: 1,
  source: 'orders',
  subject: OrderConfirmed.subject,
  aggregateId,
  sequence,
  time: '2026-01-01T00:00:00.000Z',
  correlationId: 'correlation-1',
  causationId: 'cause-1',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  data: JSON.stringify({ orderId: aggregateId }),
  ...change,
});

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);
const containing = (part: object): unknown => expect.objectContaining(part);

Logger.overrideLogger(false);

configureLogger('test', 'silent');

describe('events over JetStream', () => {
  let broker: TestBroker;
  let admin: NatsConnection;
  let orders: Nats;
  let payments: Nats;
  let publisher: EventPublisher;
  let app: INestMicroservice;

  const consume = async (options: Partial<JetStreamServerOptions> = {}, url = broker.url): Promise<void> => {
    payments = await Nats.connect({ ...broker.loginOf('payments'), url });
    const transport: CustomStrategy = {
      strategy: new JetStreamServer(payments, {
        service: 'payments',
        passed: { pass: async (event) => void passed.push(event) },
        retryDelaysMs: [50, 100, 200],
        ...options,
      }),
    };
    app = await NestFactory.createMicroservice<CustomStrategy>(AppModule, transport);
    app.useGlobalFilters(new RpcProblemFilter());
    await app.listen();
    await eventually(() => payments.check());
  };

  const sequencesOf = (aggregateId: string): readonly number[] =>
    handled.filter((event) => event.aggregateId === aggregateId).map(({ sequence }) => sequence);

  /** Messages that the broker has not delivered or that are not acked. */
  const unfinished = async (): Promise<number> => {
    const manager = await jetstreamManager(admin);
    const info = await manager.consumers.info('ORDERS', 'payments');
    return info.num_ack_pending + info.num_pending;
  };

  const inHand = async (): Promise<number> => {
    const manager = await jetstreamManager(admin);
    return (await manager.consumers.info('ORDERS', 'payments')).num_ack_pending;
  };

  const deadLetters = async () => {
    const manager = await jetstreamManager(admin);
    const { state } = await manager.streams.info('DLQ_PAYMENTS');
    const letters = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
      const letter = await manager.streams.getMessage('DLQ_PAYMENTS', { seq });
      letters.push({
        subject: letter?.subject,
        text: letter?.string(),
        id: letter?.header.get('ce-id'),
        reason: letter?.header.get(DeadLetterHeaders.reason),
        attempts: letter?.header.get(DeadLetterHeaders.attempts),
      });
    }
    return letters;
  };

  beforeEach(async () => {
    handled.length = 0;
    passed.length = 0;
    behave = () => Promise.resolve();
    broker = await testBroker();
    admin = await broker.adminConnection();
    orders = await broker.connect('orders');
    publisher = new EventPublisher(orders);
  });
  afterEach(async () => {
    await app.close();
    await payments.close();
    await broker.close();
  });

  it('reports the backlog of the service and its unacknowledged events', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    behave = () => promise;
    await consume();
    for (let order = 0; order < 3; order += 1) {
      await publisher.publish(confirmed(uuidv7(), 1));
    }
    const gauges = async (): Promise<readonly string[]> =>
      (await payments.metrics.registry.metrics()).split('\n').filter((line) => line.startsWith('event_consumer_'));
    await eventually(async () => expect(await gauges()).toContain('event_consumer_in_hand_events{stream="ORDERS"} 3'));
    expect(await gauges()).toContain('event_consumer_waiting_events{stream="ORDERS"} 0');
    resolve(undefined);
    await eventually(async () => expect(await gauges()).toContain('event_consumer_in_hand_events{stream="ORDERS"} 0'));
  });

  it('delivers an event once, as a validated envelope and in its context', async () => {
    await consume();
    const orderId = uuidv7();
    const event = confirmed(orderId, 1);
    await publisher.publish(event);
    await publisher.publish(event);
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(handled).toEqual([
      {
        id: event.id,
        name: 'OrderConfirmed',
        version: 1,
        source: 'orders',
        aggregateId: orderId,
        sequence: 1,
        time: event.time,
        correlationId: 'correlation-1',
        causationId: 'cause-1',
        traceparent: event.traceparent,
        attempt: 1,
        skipsGap: false,
        data: { orderId },
        context: containing({
          correlationId: 'correlation-1',
          causationId: event.id,
          traceparent: matching(/^00-0af7651916cd43dd8448eb211c80319c-/),
        }),
      },
    ]);
  });

  it('delivers events that were published before it started', async () => {
    const orderId = uuidv7();
    await publisher.publish(confirmed(orderId, 1));
    await consume();
    await eventually(() => expect(sequencesOf(orderId)).toEqual([1]));
  });

  it('acks only after the handler has resolved', async () => {
    const finish = Promise.withResolvers<undefined>();
    behave = () => finish.promise;
    await consume();
    await publisher.publish(confirmed(uuidv7(), 1));
    await eventually(() => expect(handled).toHaveLength(1));
    await expect(unfinished()).resolves.toBe(1);
    finish.resolve(undefined);
    await eventually(async () => expect(await unfinished()).toBe(0));
  });

  it('retries a failed event with growing waits and counts the attempts', async () => {
    const at: number[] = [];
    behave = (event) => {
      at.push(performance.now());
      return event.attempt < 4 ? Promise.reject(new Error('not yet')) : Promise.resolve();
    };
    await consume();
    await publisher.publish(confirmed(uuidv7(), 1));
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(handled.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
    [50, 100, 200].forEach((least, index) => expect(waits[index]).toBeGreaterThanOrEqual(least - 2));
    await expect(deadLetters()).resolves.toEqual([]);
  });

  it('keeps the order of an aggregate behind a failing event, without slowing another aggregate', async () => {
    const [slow, fast] = [uuidv7(), uuidv7()];
    const applied: number[] = [];
    behave = (event) => {
      if (event.aggregateId === slow && event.sequence === 1 && event.attempt < 4) {
        return Promise.reject(new Error('not yet'));
      }
      if (event.aggregateId === slow) {
        applied.push(event.sequence);
      }
      return Promise.resolve();
    };
    await consume();
    for (const sequence of [1, 2, 3]) {
      await publisher.publish(confirmed(slow, sequence));
      await publisher.publish(confirmed(fast, sequence));
    }
    await eventually(() => expect(sequencesOf(fast)).toEqual([1, 2, 3]), { intervalMs: 5 });
    expect(applied).toEqual([]);
    await eventually(() => expect(applied).toEqual([1, 2, 3]));
    expect(sequencesOf(slow)).toEqual([1, 1, 1, 1, 2, 3]);
  });

  /** Handles an event when its predecessor has been handled, like an inbox. */
  const inOrder = (orderId: string, applied: number[]) => (event: EventEnvelope) => {
    if (event.aggregateId !== orderId) {
      return Promise.resolve();
    }
    if (event.sequence > 1 && !event.skipsGap && !applied.includes(event.sequence - 1)) {
      return Promise.reject(new DomainError({ status: 409, code: EVENT_TOO_EARLY, title: 'Too early', detail: '' }));
    }
    applied.push(event.sequence);
    return Promise.resolve();
  };

  it('handles the events of an aggregate in order when they arrive out of order, without extra attempts', async () => {
    const orderId = uuidv7();
    const applied: number[] = [];
    behave = inOrder(orderId, applied);
    await consume();
    for (const sequence of [3, 2]) {
      await publisher.publish(confirmed(orderId, sequence));
    }
    await eventually(() => expect(sequencesOf(orderId)).toEqual(expect.arrayContaining([2, 3])));
    await publisher.publish(confirmed(orderId, 1));
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(applied).toEqual([1, 2, 3]);
    expect(handled.map(({ attempt }) => attempt).filter((attempt) => attempt > 1)).toEqual([]);
    await expect(deadLetters()).resolves.toEqual([]);
  });

  it('handles an event without its predecessor after the gap timeout, and other aggregates in the meantime', async () => {
    const [orderId, other] = [uuidv7(), uuidv7()];
    const applied: number[] = [];
    behave = inOrder(orderId, applied);
    await consume({ gapTimeoutMs: 300 });
    await publisher.publish(confirmed(orderId, 2));
    await eventually(() => expect(sequencesOf(orderId)).toContain(2));
    await publisher.publish(confirmed(other, 1));
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(applied).toEqual([2]);
    expect(sequencesOf(other)).toEqual([1]);
    expect(handled.at(-1)).toMatchObject({ aggregateId: orderId, attempt: 1, skipsGap: true });
  });

  it('releases an event that waits for its predecessor to another instance when it closes', async () => {
    const orderId = uuidv7();
    const applied: number[] = [];
    behave = inOrder(orderId, applied);
    await consume();
    await publisher.publish(confirmed(orderId, 2));
    await eventually(() => expect(sequencesOf(orderId)).toContain(2));
    await app.close();
    await payments.close();
    await consume();
    await publisher.publish(confirmed(orderId, 1));
    await eventually(() => expect(applied).toEqual([1, 2]), RELEASED);
  });

  it('dead-letters an event after the last attempt and continues with the next one', async () => {
    const orderId = uuidv7();
    behave = (event) => (event.sequence === 1 ? Promise.reject(new Error('broken')) : Promise.resolve());
    await consume();
    const event = confirmed(orderId, 1);
    await publisher.publish(event);
    await publisher.publish(confirmed(orderId, 2));
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(sequencesOf(orderId)).toEqual([1, 1, 1, 1, 2]);
    await expect(deadLetters()).resolves.toEqual([
      {
        subject: `dlq.payments.${OrderConfirmed.subject}`,
        text: event.data,
        id: event.id,
        reason: 'attempts-exhausted',
        attempts: '4',
      },
    ]);
  });

  it('dead-letters a permanent failure at once', async () => {
    behave = () => Promise.reject(new PermanentFailure('the order is unknown here'));
    await consume();
    await publisher.publish(confirmed(uuidv7(), 1));
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(handled).toHaveLength(1);
    await expect(deadLetters()).resolves.toMatchObject([{ reason: 'permanent-failure', attempts: '1' }]);
  });

  it.each([
    ['bad JSON', { data: '{"orderId":' }, 'bad-json'],
    ['data nested deeper than 20', { data: `${'['.repeat(30)}${']'.repeat(30)}` }, 'too-deep'],
    ['data that breaks the schema', { data: '{"orderId":7}' }, 'bad-schema'],
    ['an unknown version', { version: 99 }, 'unknown-version'],
    ['an unknown subject', { subject: 'events.orders.order.order-eaten.v1' }, 'unknown-subject'],
    ['an id that is no UUID', { id: 'x' }, 'missing-headers'],
  ])('sends %s to the dead letters at once and handles its neighbours', async (_, change, reason) => {
    await consume();
    const orderId = uuidv7();
    await publisher.publish(confirmed(orderId, 1));
    await publisher.publish(confirmed(uuidv7(), 1, change));
    await publisher.publish(confirmed(orderId, 2));
    await eventually(async () => expect(await unfinished()).toBe(0));
    await expect(deadLetters()).resolves.toMatchObject([{ reason, attempts: '0' }]);
    expect(handled.map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it('dead-letters a message without headers', async () => {
    await consume();
    orders.connection.publish(OrderConfirmed.subject, '{}');
    await eventually(async () => expect(await deadLetters()).toMatchObject([{ reason: 'missing-headers' }]));
    await eventually(async () => expect(await unfinished()).toBe(0));
  });

  it('records and acks events without handler', async () => {
    await consume();
    const event = confirmed(uuidv7(), 1, { name: OrderCanceled.name, subject: OrderCanceled.subject, data: '{}' });
    await publisher.publish(event);
    await eventually(async () => expect(await unfinished()).toBe(0));
    const { id, aggregateId } = event;
    expect(passed).toEqual([containing({ id, aggregateId, sequence: 1, skipsGap: false })]);
    expect(handled).toEqual([]);
    await expect(deadLetters()).resolves.toEqual([]);
  });

  it('retries the record of an event without handler and never dead-letters it', async () => {
    let failures = 0;
    const pass = async (): Promise<void> => {
      failures += 1;
      throw new Error('no database');
    };
    await consume({ passed: { pass } });
    await publisher.publish(confirmed(uuidv7(), 1, { name: OrderCanceled.name, subject: OrderCanceled.subject }));
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(failures).toBe(4);
    await expect(deadLetters()).resolves.toEqual([]);
  });

  it('recreates its consumer when it is deleted, and is not ready in the meantime', async () => {
    await consume();
    const [before, after] = [uuidv7(), uuidv7()];
    await publisher.publish(confirmed(before, 1));
    await eventually(() => expect(sequencesOf(before)).toEqual([1]));
    const manager = await jetstreamManager(admin);
    await manager.consumers.delete('ORDERS', 'payments');
    await eventually(() => expect(payments.check()).rejects.toThrow('not consuming ORDERS'), { intervalMs: 5 });
    await publisher.publish(confirmed(after, 1));
    await eventually(() => expect(sequencesOf(after)).toEqual([1]));
    await payments.check();
  });

  it('is not ready while a consumed stream is missing, and does not create it for its producer', async () => {
    await orders.close();
    await consume();
    const manager = await jetstreamManager(admin);
    await manager.streams.delete('ORDERS');
    await eventually(() => expect(payments.check()).rejects.toThrow('not consuming ORDERS'), { intervalMs: 5 });
    const late = await broker.connect('orders');
    const orderId = uuidv7();
    await new EventPublisher(late).publish(confirmed(orderId, 1));
    await eventually(() => expect(sequencesOf(orderId)).toEqual([1]));
    await payments.check();
  });

  it('recreates a lost stream although nothing is published to it', async () => {
    await consume();
    const manager = await jetstreamManager(admin);
    const before = await manager.streams.info('ORDERS');
    await manager.streams.delete('ORDERS');
    const after = await eventually(() => manager.streams.info('ORDERS'));
    expect(after.config).toEqual(before.config);
    await eventually(async () => {
      await expect(manager.consumers.info('ORDERS', 'payments')).resolves.toMatchObject({
        config: { ack_policy: 'explicit', max_deliver: -1, max_ack_pending: 256, deliver_policy: 'all' },
      });
    });
  });

  it('recreates the dead-letter stream when it stores a dead letter', async () => {
    await consume();
    const manager = await jetstreamManager(admin);
    await manager.streams.delete('DLQ_PAYMENTS');
    await publisher.publish(confirmed(uuidv7(), 1, { data: '{' }));
    await eventually(async () => expect(await deadLetters()).toMatchObject([{ reason: 'bad-json' }]));
    await eventually(async () => expect(await unfinished()).toBe(0));
  });

  it('continues within five seconds when the broker returns with an empty store', async () => {
    const links = await Promise.all([FaultyLink.to(broker.url), FaultyLink.to(broker.url)]);
    const [ofConsumer, ofProducer] = links;
    await consume({}, ofConsumer.url);
    const nats = await Nats.connect({ ...broker.loginOf('orders'), url: ofProducer.url });
    const other = new EventPublisher(nats);
    await orders.close();
    await other.publish(confirmed(uuidv7(), 1));
    await Promise.all(links.map((link) => link.cut()));
    const manager = await jetstreamManager(admin);
    for await (const { config } of manager.streams.list()) {
      await manager.streams.delete(config.name);
    }
    await Promise.all(links.map((link) => link.mend()));
    const back = performance.now();
    const orderId = uuidv7();
    await eventually(() => other.publish(confirmed(orderId, 1)));
    await eventually(() => expect(sequencesOf(orderId)).toEqual([1]));
    expect(performance.now() - back).toBeLessThan(5_000 * LENIENCY);
    await eventually(() => payments.check());
    await app.close();
    await nats.close();
    await Promise.all(links.map((link) => link.close()));
  });

  it('does not confuse a message of the new stream with the one of the same number in the old stream', async () => {
    const finish = Promise.withResolvers<undefined>();
    behave = (event) => (event.sequence === 1 ? finish.promise : Promise.resolve());
    await consume();
    await publisher.publish(confirmed(uuidv7(), 1));
    await eventually(() => expect(handled).toHaveLength(1));
    const manager = await jetstreamManager(admin);
    await manager.streams.delete('ORDERS');
    const orderId = uuidv7();
    await publisher.publish(confirmed(orderId, 2));
    await eventually(() => expect(sequencesOf(orderId)).toEqual([2]));
    finish.resolve(undefined);
    await eventually(async () => expect(await unfinished()).toBe(0));
  });

  it('starts no further handler when it closes, regardless of the number of waiting events', async () => {
    const finish = Promise.withResolvers<undefined>();
    behave = () => finish.promise;
    await consume({ concurrency: 1 });
    const orderIds = Array.from({ length: 20 }, () => uuidv7());
    for (const orderId of orderIds) {
      await publisher.publish(confirmed(orderId, 1));
    }
    await eventually(async () => expect(await inHand()).toBe(20));
    await payments.check();
    const closed = app.close();
    finish.resolve(undefined);
    await closed;
    expect(handled).toHaveLength(1);
    await payments.close();
    await consume();
    await eventually(() => expect(handled).toHaveLength(20), RELEASED);
    await eventually(async () => expect(await unfinished()).toBe(0));
    expect(orderIds.map((orderId) => sequencesOf(orderId))).toEqual(orderIds.map(() => [1]));
  });

  it('finishes the running handler when it closes, and releases the events behind it to another instance', async () => {
    const finish = Promise.withResolvers<undefined>();
    behave = () => finish.promise;
    await consume();
    const orderId = uuidv7();
    await publisher.publish(confirmed(orderId, 1));
    await publisher.publish(confirmed(orderId, 2));
    await eventually(async () => expect(await inHand()).toBe(2));
    // The reply to this follows the messages that the broker sent before.
    await payments.check();
    const closed = app.close();
    finish.resolve(undefined);
    await closed;
    expect(sequencesOf(orderId)).toEqual([1]);
    await payments.close();
    await consume();
    await eventually(() => expect(sequencesOf(orderId)).toEqual([1, 2]), RELEASED);
    await eventually(async () => expect(await unfinished()).toBe(0));
  });

  it('acks or releases messages that are still on their way when it closes', async () => {
    const answered = new Set<string>();
    admin.subscribe('$JS.ACK.ORDERS.payments.>', { callback: (_, { subject }) => void answered.add(subject) });
    await admin.flush();
    const link = await FaultyLink.to(broker.url);
    try {
      await consume({}, link.url);
      link.slow(300);
      await Promise.all(Array.from({ length: 50 }, () => publisher.publish(confirmed(uuidv7(), 1))));
      await eventually(async () => expect(await inHand()).toBe(50));
      await app.close();
      await eventually(() => expect(answered.size).toBe(50));
      await payments.close();
    } finally {
      await link.close();
    }
  });

  it('limits the handlers that run at a time', async () => {
    let running = 0;
    let most = 0;
    behave = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    };
    await consume({ concurrency: 3 });
    await Promise.all(Array.from({ length: 40 }, () => publisher.publish(confirmed(uuidv7(), 1))));
    await eventually(() => expect(handled).toHaveLength(40));
    expect(most).toBe(3);
  });

  it('gets no redelivery while a handler runs longer than the ack wait', async () => {
    const finish = Promise.withResolvers<undefined>();
    behave = () => finish.promise;
    const manager = await jetstreamManager(admin);
    const ackWaitMs = 500;
    await manager.consumers.update('ORDERS', 'payments', { ack_wait: nanos(ackWaitMs) });
    await consume({ progressIntervalMs: 100 });
    const started = performance.now();
    await publisher.publish(confirmed(uuidv7(), 1));
    await eventually(() => expect(performance.now() - started).toBeGreaterThan(4 * ackWaitMs));
    expect(handled).toHaveLength(1);
    await expect(manager.consumers.info('ORDERS', 'payments')).resolves.toMatchObject({ num_redelivered: 0 });
    finish.resolve(undefined);
    await eventually(async () => expect(await unfinished()).toBe(0));
  });

  it('continues after a lost connection, and acks no earlier delivery', async () => {
    const finish = Promise.withResolvers<undefined>();
    behave = (event) => (event.attempt === 1 ? finish.promise : Promise.resolve());
    const manager = await jetstreamManager(admin);
    await manager.consumers.update('ORDERS', 'payments', { ack_wait: nanos(500) });
    const link = await FaultyLink.to(broker.url);
    await consume({}, link.url);
    await publisher.publish(confirmed(uuidv7(), 1));
    await eventually(() => expect(handled).toHaveLength(1));
    await link.cut();
    await eventually(() => expect(payments.connected).toBe(false));
    await expect(payments.check()).rejects.toThrow('not connected');
    finish.resolve(undefined);
    await link.mend();
    await eventually(() => expect(handled.map(({ attempt }) => attempt)).toEqual([1, 2]));
    await eventually(async () => expect(await unfinished()).toBe(0));
    await app.close();
    await link.close();
  });

  it('rejects a duplicate acknowledgement for a purged or deleted event until the stream accepts it again', async () => {
    await consume();
    const manager = await jetstreamManager(admin);
    const { config } = await manager.streams.info('ORDERS');
    // As an operator could configure it: by its definition the stream cannot be purged.
    await manager.streams.delete('ORDERS');
    const { name, subjects } = config;
    await manager.streams.add({ name, subjects, duplicate_window: nanos(1_500) });
    const stored = async (): Promise<number> => (await manager.streams.info('ORDERS')).state.messages;
    const [purged, deleted, last] = [1, 2, 3].map((sequence) => confirmed(uuidv7(), sequence));
    if (purged === undefined || deleted === undefined || last === undefined) {
      throw new Error('there are three');
    }

    await publisher.publish(purged);
    await publisher.publish(purged);
    expect(await stored()).toBe(1);
    await manager.streams.purge('ORDERS');
    await expect(publisher.publish(purged)).rejects.toThrow(NotStored);
    await publisher.publish(deleted);
    await publisher.publish(last);
    await manager.streams.deleteMessage('ORDERS', 2);
    await expect(publisher.publish(deleted)).rejects.toThrow(NotStored);
    expect(await stored()).toBe(1);
    expect(await orders.metrics.registry.metrics()).toMatch(/^event_publish_duplicates_total\{outcome="missing"\} 2$/m);

    await eventually(() => Promise.all([publisher.publish(purged), publisher.publish(deleted)]));
    expect(await stored()).toBe(3);
  });

  it('rejects publishing at once without a connection, and publishes again afterwards', async () => {
    await consume();
    const link = await FaultyLink.to(broker.url);
    const nats = await Nats.connect({ ...broker.loginOf('orders'), url: link.url });
    const other = new EventPublisher(nats);
    await link.cut();
    await eventually(() => expect(nats.connected).toBe(false));
    await expect(other.publish(confirmed(uuidv7(), 1))).rejects.toMatchObject({ status: 503 });
    await link.mend();
    const orderId = uuidv7();
    await eventually(() => other.publish(confirmed(orderId, 1)));
    await eventually(() => expect(sequencesOf(orderId)).toEqual([1]));
    await nats.close();
    await link.close();
  });

  it('rejects when the broker does not store an event', async () => {
    await consume();
    const manager = await jetstreamManager(admin);
    await manager.streams.delete('ORDERS');
    // It blocks the subjects, so that the stream cannot be recreated.
    await manager.streams.add({ name: 'SQUATTER', subjects: ['events.orders.squatted'] });
    await expect(publisher.publish(confirmed(uuidv7(), 1))).rejects.toThrow();
    await orders.connection.close();
    await expect(publisher.publish(confirmed(uuidv7(), 1))).rejects.toMatchObject({ status: 503 });
  });
});
