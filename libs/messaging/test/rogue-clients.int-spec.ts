import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { type NatsConnection, PermissionViolationError } from '@nats-io/nats-core';
import { Logger } from '@nestjs/common';
import {
  type Caller,
  eventContracts,
  eventProducers,
  OrderConfirmed,
  PaymentReserved,
  ProductChanged,
  rpcContracts,
  rpcEdges,
  type Service,
  Services,
} from '@rookery/contracts';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { eventually, testBroker, type TestBroker } from '@rookery/testing';
import { consumerDefinitions, deadLetterStreamOf, streamDefinitions, streamOf } from '../src/broker/definitions';
import type { Nats } from '../src/broker/nats';
import { inboxPrefixOf } from '../src/broker/permissions';
import { EventPublisher } from '../src/events/event-publisher';
import { RpcServer } from '../src/rpc/rpc-server';

configureLogger('test', 'silent');
Logger.overrideLogger(false);

const processes: readonly Caller[] = ['gateway', ...Services];
const edges = processes.flatMap((caller) => rpcEdges[caller].map((callee) => ({ caller, callee })));
const callersOf = (callee: Caller): readonly Caller[] =>
  processes.filter((caller) => rpcEdges[caller].some((called) => called === callee));

/** Number of requests that a service has dropped. */
const dropped = async ({ metrics }: Nats, subject: string): Promise<number> =>
  Number(
    (await metrics.registry.metrics())
      .split('\n')
      .find((line) => line.startsWith(`rpc_server_dropped_total{subject="${subject}"}`))
      ?.split(' ')
      .at(-1),
  );

/** Subjects that no reply of a service may ever reach. */
const forbiddenReplies = (callee: Service): readonly string[] => [
  OrderConfirmed.subject,
  PaymentReserved.subject,
  ProductChanged.subject,
  'dlq.payments.events.orders.order.order-confirmed.v1',
  'live.orders.01939d3c-0000-7000-8000-000000000001',
  'rpc.orders.elsewhere',
  '$JS.API.STREAM.DELETE.PAYMENTS',
  '$JS.API.STREAM.PURGE.PAYMENTS',
  '$JS.API.STREAM.MSG.DELETE.ORDERS',
  '$JS.API.STREAM.CREATE.STOLEN',
  '_INBOX.stolen',
  ...processes.filter((caller) => !callersOf(callee).includes(caller)).map((other) => `_INBOX.${other}.stolen`),
  ...processes.map((other) => `_INBOX.${other}.js.stolen`),
];

describe('a compromised client', () => {
  let broker: TestBroker;
  let admin: NatsConnection;
  let manager: JetStreamManager;

  beforeEach(async () => {
    broker = await testBroker();
    admin = await broker.adminConnection();
    manager = await jetstreamManager(admin);
  });
  afterEach(() => broker.close());

  /** Contents of all streams. */
  const stored = async (): Promise<readonly unknown[]> =>
    Promise.all(
      streamDefinitions.map(async ({ name }) => {
        const { messages, last_seq, num_deleted } = (await manager.streams.info(name)).state;
        return { name, messages, last_seq, num_deleted };
      }),
    );

  /** Subjects that the broker denies to a connection. */
  const refusals = (connection: NatsConnection): Set<string> => {
    const refused = new Set<string>();
    void (async () => {
      for await (const status of connection.status()) {
        if (status.type === 'error' && status.error instanceof PermissionViolationError) {
          refused.add(`${status.error.operation} ${status.error.subject}`);
        }
      }
    })();
    return refused;
  };

  it.each(edges)('with the key of $caller cannot make $callee reply anywhere but to an inbox', async (edge) => {
    const { caller, callee } = edge;
    const contract = rpcContracts.find(({ service }) => service === callee);
    const subject = contract?.subject ?? '';
    const [rogue, service] = [await broker.connect(caller), await broker.connect(callee)];
    let handled = 0;
    const server = new RpcServer(service);
    server.addHandler(subject, async () => (handled += 1));
    await new Promise<void>((resolve) => void server.listen(() => resolve()));
    const heard: string[] = [];
    const targets = forbiddenReplies(callee);
    for (const target of targets) {
      admin.subscribe(target, { callback: () => void heard.push(target) });
    }
    await admin.flush();
    const before = await stored();

    const packet = JSON.stringify({ pattern: subject, data: {}, id: uuidv7() });
    for (const reply of targets) {
      rogue.connection.publish(subject, packet, { reply });
      rogue.connection.publish(subject, 'no packet', { reply });
    }
    rogue.connection.publish(subject, packet);
    await eventually(async () => {
      expect(await dropped(service, subject)).toBe(2 * targets.length + 1);
    });
    await service.connection.flush();
    await admin.flush();
    expect({ handled, heard }).toEqual({ handled: 0, heard: [] });
    expect(await stored()).toEqual(before);

    // Regular requests keep working.
    const inbox = `${inboxPrefixOf(caller)}.${uuidv7()}`;
    const answered = Promise.withResolvers<string>();
    rogue.connection.subscribe(inbox, { callback: (_, message) => answered.resolve(message.string()) });
    rogue.connection.publish(subject, packet, { reply: inbox });
    expect(await answered.promise).toContain('"response":1');
    await server.close();
  });

  it.each(processes)('with the key of %s cannot publish for another process', async (caller) => {
    const { connection } = await broker.connect(caller);
    const refused = refusals(connection);
    const foreign = [
      ...eventContracts.filter(({ producer }) => producer !== caller).map(({ subject }) => subject),
      ...eventProducers.filter((producer) => producer !== caller).map((producer) => `live.${producer}.x`),
      ...Services.filter((service) => service !== caller).map((service) => `dlq.${service}.x`),
      ...Services.filter((service) => !rpcEdges[caller].includes(service)).map((service) => `rpc.${service}.x`),
      // Replies go to the caller, and no client can impersonate the broker.
      ...processes
        .filter((other) => !rpcEdges[other].some((called) => called === caller))
        .map((other) => `_INBOX.${other}.x`),
      ...processes.map((other) => `_INBOX.${other}.js.x`),
      '_INBOX.x',
      ...consumerDefinitions
        .filter(({ durable }) => durable !== caller)
        .flatMap(({ stream, durable }) => [
          `$JS.ACK.${stream}.${durable}.1.1.1.1.0`,
          `$JS.ACK._.hash.${stream}.${durable}.1.1.1.1.0`,
          // An acknowledgement of its own consumer in the new form, interpreted in the old form.
          ...consumerDefinitions
            .filter((own) => own.durable === caller)
            .map((own) => `$JS.ACK.${stream}.${durable}.${own.stream}.${own.durable}.1.1.0`),
          `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
          `$JS.API.CONSUMER.DELETE.${stream}.${durable}`,
        ]),
      ...streamDefinitions.flatMap(({ name }) => [
        `$JS.API.STREAM.DELETE.${name}`,
        `$JS.API.STREAM.UPDATE.${name}`,
        `$JS.API.STREAM.PURGE.${name}`,
        ...(name === deadLetterStreamOf(caller) ? [] : [`$JS.API.STREAM.MSG.DELETE.${name}`]),
      ]),
    ];
    const before = await stored();
    for (const subject of foreign) {
      connection.publish(subject, '{}');
    }
    await connection.flush();
    await eventually(() => {
      expect(foreign.filter((subject) => !refused.has(`publish ${subject}`))).toEqual([]);
    });
    expect(await stored()).toEqual(before);
  });

  it.each(Services)(
    'with the key of %s cannot delete messages through the broker’s reply to its own API',
    async (service) => {
      const { connection } = await broker.connect(service);
      const refused = refusals(connection);
      for (const producer of eventProducers) {
        for (let event = 0; event < 3; event += 1) {
          await jetstream(admin).publish(`events.${producer}.x`, '{}');
        }
      }
      const own = service === 'auth' ? 'dlq.auth.x' : `events.${service}.x`;
      const before = await stored();
      const consumers = async (): Promise<number> => {
        const infos = consumerDefinitions.map(({ stream, durable }) => manager.consumers.info(stream, durable));
        return (await Promise.all(infos)).filter(({ num_pending }) => num_pending > 0).length;
      };
      const others = eventProducers.filter((producer) => producer !== service).map(streamOf);
      // The broker sends the acknowledgement, `{"stream":…,"seq":…}`, to the reply subject: here requests to its own API.
      const replies = others.flatMap((stream) => [
        `$JS.API.STREAM.MSG.DELETE.${stream}`,
        `$JS.API.STREAM.PURGE.${stream}`,
        `$JS.API.STREAM.DELETE.${stream}`,
        `$JS.API.STREAM.UPDATE.${stream}`,
        ...Services.map((consumer) => `$JS.API.CONSUMER.DELETE.${stream}.${consumer}`),
      ]);
      const there = await consumers();
      for (const reply of replies) {
        connection.publish(own, '{}', { reply });
      }
      connection.publish(own, '{}', { reply: `$JS.ACK.ORDERS.payments.1.1.1.1.0` });
      await connection.flush();
      const ownStream = service === 'auth' ? deadLetterStreamOf(service) : streamOf(service);
      await eventually(async () => {
        expect((await manager.streams.info(ownStream)).state.last_seq).toBeGreaterThanOrEqual(replies.length);
      });
      await admin.flush();
      expect((await stored()).filter((_, at) => streamDefinitions[at]?.name !== ownStream)).toEqual(
        before.filter((_, at) => streamDefinitions[at]?.name !== ownStream),
      );
      expect(await consumers()).toBe(there);
      // These are denied as reply subjects too.
      expect(refused.size).toBe(1);
    },
  );

  it.each(processes)('with the key of %s cannot acknowledge for the stream', async (caller) => {
    // The stream does not reply: any acknowledgement is forged.
    await manager.streams.update('PRODUCTS', { subjects: ['events.products.nothing'] });
    const publisher = new EventPublisher(await broker.connect('products'));
    const { connection } = await broker.connect(caller);
    let forged = 0;
    const forge = (_: Error | null, { reply = '' }: { readonly reply?: string }): void => {
      if (reply === '') {
        return;
      }
      forged += 1;
      connection.publish(reply, JSON.stringify({ stream: 'PRODUCTS', seq: 1 }));
    };
    // The gateway receives the reply subject with the events of products; the other clients get it from the spec.
    const hears = caller === 'gateway' ? connection : admin;
    hears.subscribe('events.products.product.>', { callback: forge });
    await hears.flush();
    const before = await stored();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => {
        return publisher.publish(productChanged(uuidv7(), '{}'));
      }),
    );
    expect(forged).toBe(10);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(10).fill('rejected'));
    expect(await stored()).toEqual(before);
  });
});

describe('a forged acknowledgement', () => {
  let broker: TestBroker;
  let products: Nats;

  beforeAll(async () => {
    broker = await testBroker();
    products = await broker.connect('products');
  });
  afterAll(() => broker.close());

  it.each([
    ['names another stream', { stream: 'ORDERS', seq: 1 }],
    ['names no sequence', { stream: 'PRODUCTS' }],
    ['names a sequence of 0', { stream: 'PRODUCTS', seq: 0 }],
    ['names half a sequence', { stream: 'PRODUCTS', seq: 1.5 }],
    ['names a sequence that is a text', { stream: 'PRODUCTS', seq: '7' }],
    ['says that it has it already, in a place where nothing stands', { stream: 'PRODUCTS', seq: 77, duplicate: true }],
  ])('%s and is not believed', async (_, ack) => {
    const admin = await broker.adminConnection();
    // A client with all permissions replies instead of the stream, and faster.
    await (await jetstreamManager(admin)).streams.update('PRODUCTS', { subjects: ['events.products.nothing'] });
    const forger = admin.subscribe('events.products.product.>', {
      callback: (_error, message) => void message.respond(JSON.stringify(ack)),
    });
    await admin.flush();
    const productId = uuidv7();
    const published = new EventPublisher(products).publish(productChanged(productId, '{}'));
    await expect(published).rejects.toThrow();
    forger.unsubscribe();
  });

  it('is distinguished from a genuine one', async () => {
    const admin = await broker.adminConnection();
    await (await jetstreamManager(admin)).streams.update('PRODUCTS', { subjects: ['events.products.>'] });
    await new EventPublisher(products).publish(productChanged(uuidv7(), '{}'));
    const { state } = await (await jetstreamManager(admin)).streams.info('PRODUCTS');
    expect(state.messages).toBe(1);
    expect(await jetstream(admin).publish('events.products.product.x', '')).toMatchObject({ stream: 'PRODUCTS' });
  });
});

const productChanged = (productId: string, data: string) => ({
  id: uuidv7(),
  name: ProductChanged.name,
  version: 1,
  source: 'products',
  subject: ProductChanged.subject,
  aggregateId: productId,
  sequence: 1,
  time: '2026-01-01T00:00:00.000Z',
  correlationId: 'correlation-1',
  causationId: null,
  traceparent: null,
  data,
});
