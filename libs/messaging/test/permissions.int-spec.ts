import { AckPolicy, jetstreamManager } from '@nats-io/jetstream';
import { AuthorizationError, type NatsConnection, nkeys } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { type Caller, OrderConfirmed, OrdersRpc, ProductChanged } from '@rookery/contracts';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { brokerRefusal, testBroker, type TestBroker } from '@rookery/testing';
import { Nats, natsOptions } from '../src/broker/nats';
import { inboxPrefixOf } from '../src/broker/permissions';
import { provisionBroker } from '../src/broker/provisioning';
import { EventPublisher } from '../src/events/event-publisher';
import { ReplyInbox } from '../src/rpc/reply-inbox';

configureLogger('test', 'silent');

describe('permissions of the broker’s users', () => {
  let broker: TestBroker;
  let admin: NatsConnection;

  beforeAll(async () => {
    broker = await testBroker();
    admin = await broker.adminConnection();
  });
  afterAll(() => broker.close());

  /** The subject that the broker denies; undefined when it allows it. */
  const refusalOf = async (caller: Caller, act: (nats: Nats) => void): Promise<string | undefined> => {
    const nats = await broker.connect(caller);
    return brokerRefusal(nats.connection, () => act(nats));
  };
  const publishing = (subject: string) => (nats: Nats) => nats.connection.publish(subject, '{}');
  const subscribing = (subject: string) => (nats: Nats) => {
    nats.connection.subscribe(subject, { callback: () => undefined });
  };

  const denied: readonly [Caller, string][] = [
    ['gateway', OrderConfirmed.subject],
    ['gateway', ProductChanged.subject],
    ['gateway', 'dlq.orders.events.orders.order.order-confirmed.v1'],
    ['gateway', '$JS.API.STREAM.DELETE.ORDERS'],
    ['payments', OrderConfirmed.subject],
    ['payments', OrdersRpc.place.subject],
    ['orders', 'events.payments.payment.payment-reserved.v1'],
    ['orders', 'rpc.auth.register'],
    ['orders', 'dlq.payments.events.orders.order.order-confirmed.v1'],
    ['orders', '$JS.API.STREAM.PURGE.ORDERS'],
    ['orders', '$JS.API.STREAM.MSG.GET.DLQ_PAYMENTS'],
    ['orders', '$JS.API.STREAM.MSG.DELETE.DLQ_PAYMENTS'],
    ['orders', '$JS.API.STREAM.MSG.DELETE.ORDERS'],
    ['orders', '$JS.API.STREAM.INFO.DLQ_PAYMENTS'],
    ['orders', '$JS.API.STREAM.PURGE.DLQ_ORDERS'],
    ['gateway', '$JS.API.STREAM.MSG.GET.DLQ_ORDERS'],
    ['orders', '$JS.API.STREAM.DELETE.ORDERS'],
    ['orders', '$JS.API.STREAM.UPDATE.ORDERS'],
    ['orders', '$JS.API.STREAM.MSG.GET.ORDERS'],
    ['orders', '$JS.API.STREAM.CREATE.PAYMENTS'],
    ['orders', '$JS.API.STREAM.CREATE.STOLEN'],
    ['orders', '$JS.API.STREAM.INFO.PAYMENTS'],
    ['gateway', '$JS.API.STREAM.CREATE.ORDERS'],
    ['auth', '$JS.API.STREAM.CREATE.DLQ_ORDERS'],
    ['orders', '$JS.API.STREAM.CREATE.DLQ_PAYMENTS'],
    ['orders', '$JS.API.CONSUMER.CREATE.PAYMENTS.products'],
    ['orders', '$JS.API.CONSUMER.CREATE.ORDERS.orders'],
    ['orders', '$JS.API.CONSUMER.CREATE.PAYMENTS'],
    ['orders', '$JS.API.CONSUMER.CREATE.PAYMENTS.orders.events.payments.>'],
    ['orders', '$JS.API.CONSUMER.DURABLE.CREATE.PAYMENTS.orders'],
    ['orders', '$JS.API.CONSUMER.DELETE.PAYMENTS.orders'],
    ['orders', '$JS.API.CONSUMER.MSG.NEXT.ORDERS.payments'],
    ['orders', '$JS.ACK.ORDERS.payments.1.1.1.1.0'],
    ['auth', 'rpc.products.list'],
    ['auth', 'events.auth.account.account-registered.v1'],
  ];
  it.each(denied)('does not let %s publish %s', async (caller, subject) => {
    await expect(refusalOf(caller, publishing(subject))).resolves.toBe(subject);
  });

  const deniedSubscriptions: readonly [Caller, string][] = [
    ['gateway', OrdersRpc.place.subject],
    ['gateway', 'events.>'],
    ['gateway', '>'],
    ['payments', 'rpc.orders.>'],
    ['orders', 'events.orders.>'],
    ['products', 'dlq.>'],
  ];
  it.each(deniedSubscriptions)('does not let %s subscribe to %s', async (caller, subject) => {
    await expect(refusalOf(caller, subscribing(subject))).resolves.toBe(subject);
  });

  it('lets no user read the replies to another', async () => {
    const inbox = `${inboxPrefixOf('gateway')}.>`;
    await expect(refusalOf('payments', subscribing(inbox))).resolves.toBe(inbox);
    await expect(refusalOf('gateway', subscribing(inbox))).resolves.toBeUndefined();
  });

  const allowed: readonly [Caller, string][] = [
    ['gateway', OrdersRpc.place.subject],
    ['orders', 'rpc.products.quote'],
    ['orders', 'live.orders.01939d3c-0000-7000-8000-000000000001'],
    ['orders', OrderConfirmed.subject],
    ['payments', 'dlq.payments.events.orders.order.order-confirmed.v1'],
    ['payments', '$JS.API.STREAM.MSG.GET.DLQ_PAYMENTS'],
    ['payments', '$JS.API.STREAM.MSG.DELETE.DLQ_PAYMENTS'],
    ['orders', '$JS.API.STREAM.INFO.ORDERS'],
    ['orders', '$JS.API.STREAM.CREATE.ORDERS'],
    ['orders', '$JS.API.STREAM.CREATE.DLQ_ORDERS'],
    ['orders', '$JS.API.CONSUMER.CREATE.PAYMENTS.orders'],
  ];
  it.each(allowed)('lets %s publish %s', async (caller, subject) => {
    await expect(refusalOf(caller, publishing(subject))).resolves.toBeUndefined();
  });

  it('lets a service reply to its caller', async () => {
    const [auth, gateway] = [await broker.connect('auth'), await broker.connect('gateway')];
    auth.connection.subscribe('rpc.auth.register', { callback: (_, message) => void message.respond('welcome') });
    await auth.connection.flush();
    const answer = await new ReplyInbox(gateway).request('rpc.auth.register', '', { timeoutMs: 1_000 });
    expect(answer.string()).toBe('welcome');
  });

  it('rejects at the publisher when the broker denies permission', async () => {
    const publisher = new EventPublisher(await broker.connect('gateway'));
    await expect(
      publisher.publish({
        id: uuidv7(),
        name: OrderConfirmed.name,
        version: 1,
        source: 'orders',
        subject: OrderConfirmed.subject,
        aggregateId: uuidv7(),
        sequence: 1,
        time: '2026-01-01T00:00:00.000Z',
        correlationId: 'correlation-1',
        causationId: null,
        traceparent: null,
        data: '{}',
      }),
    ).rejects.toThrow();
  });

  it('admits no client without a key', async () => {
    await expect(connect({ servers: broker.url })).rejects.toBeInstanceOf(AuthorizationError);
  });

  it('names the setting to correct, not the key, when the broker does not know the key', async () => {
    const stranger = new TextDecoder().decode(nkeys.createUser().getSeed());
    const attempt = Nats.connect({ service: 'orders', url: broker.url, nkeySeed: stranger });
    await expect(attempt).rejects.toThrow(/NATS_NKEY_SEED/);
    await expect(attempt).rejects.not.toThrow(stranger);
  });

  it('rejects a broker without TLS for a tls:// address', async () => {
    const { NATS_URL, NATS_NKEY_SEED } = broker.envOf('orders');
    const login = natsOptions('orders', { NATS_URL: NATS_URL.replace('nats://', 'tls://'), NATS_NKEY_SEED });
    await expect(Nats.connect({ ...login, connectTimeoutMs: 300 })).rejects.toThrow(/NATS_TLS_CA/);
    await (await Nats.connect(natsOptions('orders', { NATS_URL, NATS_NKEY_SEED }))).close();
  });

  it('names the address when there is no broker', async () => {
    const attempt = Nats.connect({
      service: 'orders',
      url: 'nats://someone:hunter2@127.0.0.1:1',
      nkeySeed: broker.seedOf('orders'),
      connectTimeoutMs: 300,
    });
    await expect(attempt).rejects.toMatchObject({
      name: 'NatsUnreachable',
      message: 'cannot reach NATS at nats://127.0.0.1:1 (NATS_URL)',
    });
  });

  it('lets no service redirect an existing stream or consumer', async () => {
    const manager = await jetstreamManager(admin);
    const before = [await manager.streams.info('ORDERS'), await manager.consumers.info('PAYMENTS', 'orders')];
    const { connection } = await broker.connect('orders');
    const own = await jetstreamManager(connection, { checkAPI: false });
    await expect(own.streams.add({ name: 'ORDERS', subjects: ['rpc.>'] })).rejects.toThrow(/already in use/);
    await expect(
      own.consumers.add('PAYMENTS', {
        durable_name: 'orders',
        ack_policy: AckPolicy.Explicit,
        deliver_subject: 'rpc.payments.list',
      }),
    ).rejects.toThrow(/can ?not|already exists/);
    const after = [await manager.streams.info('ORDERS'), await manager.consumers.info('PAYMENTS', 'orders')];
    expect(after.map(({ config }) => config)).toEqual(before.map(({ config }) => config));
  });

  it('is idempotent', async () => {
    const manager = await jetstreamManager(admin);
    const before = await manager.streams.info('ORDERS');
    await provisionBroker(admin);
    const after = await manager.streams.info('ORDERS');
    expect(after.config).toEqual(before.config);
    await expect(manager.consumers.info('ORDERS', 'payments')).resolves.toMatchObject({
      config: { ack_policy: 'explicit', max_deliver: -1, max_ack_pending: 256, deliver_policy: 'all' },
    });
  });
});
