import { randomBytes } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers as newHeaders, type NatsConnection } from '@nats-io/nats-core';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import {
  type DataOf,
  type EventContract,
  Headers,
  orderNotificationSubject,
  type ProductQuote,
  ProductsRpc,
  type RpcContract,
} from '@rookery/contracts';
import {
  CloudEvent,
  DeadLetterHeaders,
  deadLetterStreamOf,
  eventType,
  JetStreamServer,
  streamOf,
} from '@rookery/messaging';
import { type Actor, configureLogger, createService, Metrics, uuidv7 } from '@rookery/platform';
import { TokenSealer } from '@rookery/security';
import {
  type CallOptions,
  type EventRecorder,
  handledEvents,
  internalKeys,
  publishEvent,
  recordEvents,
  type RpcStub,
  stubRpc,
  testActor,
  type TestBroker,
  testBroker,
  TestCaller,
  type TestDatabase,
  testDatabase,
} from '@rookery/testing';
import { ordersDatabase } from '../src/database';
import { DeadlineSweeper } from '../src/deadline/deadline-sweeper';
import { OrdersConfig } from '../src/orders.config';
import { PeriodicReconciliation } from '../src/reconciliation/periodic-reconciliation';
import { orders } from '../src/service';

export const alice = testActor({ subject: 'alice' });
export const bob = testActor({ subject: 'bob' });
export const olga = testActor({ subject: 'olga', roles: ['operator'] });

const POOL_SIZE = 10;

export interface OrdersOptions {
  /** What products quotes from. */
  readonly catalog: readonly ProductQuote[];
  readonly deadlineSeconds?: number;
  /** Of the saga, from which on orders are refused; as derived from the deadline by default. */
  readonly lagLimitSeconds?: number;
}

export interface DeadLetter {
  readonly reason: string;
  readonly data: unknown;
}

const DeclaredMetric = z.object({ name: z.string(), type: z.string(), labelNames: z.array(z.string()) });
type DeclaredMetric = z.infer<typeof DeclaredMetric>;

/** The whole service on a real database and a real broker; only products is a stub. */
export class OrdersUnderTest {
  /** What products quotes from, to change while the service runs. */
  readonly catalog = new Map<string, ProductQuote>();
  private products: RpcStub<unknown> | undefined;

  private constructor(
    readonly database: TestDatabase,
    private readonly broker: TestBroker,
    private readonly admin: NatsConnection,
    private readonly caller: TestCaller,
    private readonly stream: EventRecorder,
    private readonly sealer: TokenSealer,
    private readonly app: Awaited<ReturnType<typeof createService>>,
  ) {}

  static async start({ catalog, deadlineSeconds = 60, lagLimitSeconds }: OrdersOptions): Promise<OrdersUnderTest> {
    const [database, broker, keys] = await Promise.all([
      testDatabase('orders', ordersDatabase({ DATABASE_URL: 'postgres://unused' })),
      testBroker(),
      internalKeys(),
    ]);
    const sealingKey = randomBytes(32).toString('base64url');
    const config = OrdersConfig.parse({
      ...broker.envOf('orders'),
      LOG_LEVEL: 'silent',
      DATABASE_URL: database.url,
      DATABASE_POOL_SIZE: POOL_SIZE,
      INTERNAL_SIGNING_KEY: keys.signingKeySettingOf('orders'),
      INTERNAL_JWKS: keys.jwksSetting,
      SEALING_KEY: sealingKey,
      CURSOR_KEY: randomBytes(32).toString('base64url'),
      ORDER_DEADLINE_SECONDS: deadlineSeconds,
      ORDER_LAG_LIMIT_SECONDS: lagLimitSeconds,
      ORDER_SWEEP_INTERVAL_MS: 50,
    });
    configureLogger('orders', config.LOG_LEVEL);
    const app = await createService(orders.options(config));
    await app.init();
    await app.startAllMicroservices();
    const service = new OrdersUnderTest(
      database,
      broker,
      await broker.adminConnection(),
      await TestCaller.connect(broker),
      await recordEvents(broker, 'orders'),
      new TokenSealer(sealingKey),
      app,
    );
    for (const quote of catalog) {
      service.catalog.set(quote.productId, quote);
    }
    service.products = await service.stubProducts();
    return service;
  }

  /** Every metric that the process has declared, also those without a value yet. */
  metrics(): readonly DeclaredMetric[] {
    return z.array(DeclaredMetric).parse(this.app.get(Metrics).registry.getMetricsAsArray());
  }

  /** Calls as the gateway does. */
  call<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    body: z.input<Request>,
    actor: Actor,
    options: Omit<CallOptions, 'actor'> = {},
  ): Promise<z.output<Response>> {
    return this.caller.call(contract, body, { ...options, actor });
  }

  /** Publishes a neighbour's event. */
  publish<Contract extends EventContract>(contract: Contract, data: DataOf<Contract>): Promise<string> {
    return publishEvent(this.broker, contract, data);
  }

  /** Has the stream hold one event several times, as after a broker's loss of its memory of message ids. */
  async publishTimes<Contract extends EventContract>(times: number, contract: Contract, data: DataOf<Contract>) {
    const headers = newHeaders();
    const attributes = {
      [CloudEvent.specversion]: '1.0',
      [CloudEvent.id]: uuidv7(),
      [CloudEvent.type]: eventType(contract),
      [CloudEvent.source]: contract.producer,
      [CloudEvent.subject]: uuidv7(),
      [CloudEvent.time]: new Date().toISOString(),
      [CloudEvent.sequence]: '1',
      [Headers.correlationId]: uuidv7(),
    };
    for (const [name, value] of Object.entries(attributes)) {
      headers.set(name, value);
    }
    for (let time = 0; time < times; time += 1) {
      await jetstream(this.admin).publish(contract.subject, JSON.stringify(data), { headers });
    }
  }

  /** Waits for the order's event of that kind and returns its data. */
  published<Data extends z.ZodType>(contract: EventContract<Data>, orderId: string): Promise<z.output<Data>> {
    return this.stream.next(contract, orderId);
  }

  open(sealedPaymentToken: string): Promise<string> {
    return this.sealer.open(sealedPaymentToken);
  }

  /** Resolves when live readers of the order are told next. */
  async liveTold(orderId: string): Promise<{ readonly told: Promise<unknown> }> {
    const subscription = this.admin.subscribe(orderNotificationSubject(orderId), { max: 1 });
    await this.admin.flush();
    return { told: subscription[Symbol.asyncIterator]().next() };
  }

  /** Gives the stream that the service publishes to so much room. */
  async limitStream(maxBytes: number): Promise<void> {
    const manager = await jetstreamManager(this.admin);
    await manager.streams.update(streamOf('orders'), { max_bytes: maxBytes });
  }

  /** What the stream holds: the order and the name of each event. */
  async storedEvents(): Promise<readonly { readonly orderId: string; readonly type: string }[]> {
    const manager = await jetstreamManager(this.admin);
    const { state } = await manager.streams.info(streamOf('orders'));
    const events = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const message = await manager.streams.getMessage(streamOf('orders'), { seq });
      const [orderId, type] = [CloudEvent.subject, CloudEvent.type].map((name) => message?.header.get(name) ?? '');
      if (message) {
        events.push({ orderId: orderId ?? '', type: type ?? '' });
      }
    }
    return events;
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    const manager = await jetstreamManager(this.admin);
    const stream = deadLetterStreamOf('orders');
    const { state } = await manager.streams.info(stream);
    const letters: DeadLetter[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
      const message = await manager.streams.getMessage(stream, { seq });
      if (message) {
        letters.push({ reason: message.header.get(DeadLetterHeaders.reason), data: message.json() });
      }
    }
    return letters;
  }

  /** Runs work while a request with that key is in the middle of its transaction. */
  async whileKeyIsInUse({ issuer, subject, clientId }: Actor, key: string, work: () => Promise<void>): Promise<void> {
    const lock = [JSON.stringify([issuer, subject, clientId, key])];
    await this.database.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', lock);
    try {
      await work();
    } finally {
      await this.database.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', lock);
    }
  }

  /** A neighbour's answer to one request. */
  stub<Request extends z.ZodType, Response extends z.ZodType>(
    contract: RpcContract<Request, Response>,
    handler: (request: z.output<Request>) => z.input<Response> | Promise<z.input<Response>>,
  ): Promise<RpcStub<z.output<Request>>> {
    return stubRpc(this.broker, contract, handler);
  }

  /** The periodic reconciliation, as the schedule runs it. */
  reconcile(stopping = new AbortController().signal): Promise<void> {
    return this.app.get(PeriodicReconciliation).run(stopping);
  }

  /** Value of a metric; undefined when there is none of that name and labels. */
  async metric(name: string): Promise<number | undefined> {
    const { body } = await this.app.inject({ method: 'GET', url: '/metrics' });
    const line = body.split('\n').find((text) => text.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length));
  }

  /** The events it has handlers for, and those it should have. */
  handledEvents() {
    return handledEvents(this.app.get(JetStreamServer), 'orders');
  }

  /** Sweeps until no overdue order is left: what this sweep skips because the service's own schedule has locked it, the lock waits for. */
  async sweep(): Promise<void> {
    await this.app.get(DeadlineSweeper).sweep();
    await this.database.query(`SELECT 1 FROM orders WHERE status = 'Pending' AND deadline_at <= now() FOR UPDATE`);
  }

  /** Takes every connection of the service's pool; returns what gives them back. */
  async holdPool(): Promise<() => Promise<void>> {
    const dataSource = this.app.get(DataSource);
    const held = Array.from({ length: POOL_SIZE }, () => dataSource.createQueryRunner());
    await Promise.all(held.map((runner) => runner.connect()));
    return async () => {
      await Promise.all(held.map((runner) => runner.release()));
    };
  }

  /** Lets time pass for the service: it knows no clock but its database's. */
  advanceClock(ms: number): Promise<void> {
    return this.database.advanceClock(ms);
  }

  resetClock(): Promise<void> {
    return this.database.resetClock();
  }

  /** Runs work while products is away. */
  async withoutProducts(work: () => Promise<void>): Promise<void> {
    await this.products?.stop();
    try {
      await work();
    } finally {
      this.products = await this.stubProducts();
    }
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.broker.close();
    await this.database.drop();
  }

  private stubProducts(): Promise<RpcStub<unknown>> {
    return stubRpc(this.broker, ProductsRpc.quote, ({ productIds }) => ({
      quotes: productIds.flatMap((id) => this.catalog.get(id) ?? []),
    }));
  }
}

export const startOrders = (options: OrdersOptions): Promise<OrdersUnderTest> => OrdersUnderTest.start(options);
