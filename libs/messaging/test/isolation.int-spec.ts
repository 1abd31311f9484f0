import type { Subscription } from '@nats-io/nats-core';
import { Controller, type INestMicroservice, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { CustomStrategy } from '@nestjs/microservices';
import { OrdersRpc, OrderView, PaymentsRpc, ProductsRpc } from '@rookery/contracts';
import {
  configureLogger,
  ContractPipe,
  Deadline,
  DomainError,
  KeyedAnswer,
  RpcProblemFilter,
  runInContext,
  ServiceUnavailable,
} from '@rookery/platform';
import { eventually, LENIENCY, type RpcStub, stubRpc, testBroker, type TestBroker } from '@rookery/testing';
import type { Nats } from '../src/broker/nats';
import { RpcClient } from '../src/rpc/rpc-client';
import { RpcHandler } from '../src/rpc/rpc-handler';
import { RpcServer } from '../src/rpc/rpc-server';

/** Time limit of a request, short to keep the spec fast. */
const DEADLINE_MS = 3_000;
/** Limit of the difference in p99 with and without a failing dependency. It detects waiting, and does not measure speed. */
const FACTOR = 5;
const NOISE_MS = 2_000;

const ID = '01939d3c-0000-7000-8000-000000000001';
const order = OrderView.parse({
  id: ID,
  status: 'Pending',
  reason: null,
  lines: [{ productId: ID, sku: 'OWL-1', name: 'Owl', quantity: 1, unitPrice: { amountMinor: 100, currency: 'EUR' } }],
  total: { amountMinor: 100, currency: 'EUR' },
  version: 1,
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
});

/** Set before the service starts: its client of products. */
let toProducts: RpcClient;

/** A service like orders, with requests that need products and others that do not. */
@Controller()
class OrderRpc {
  @RpcHandler(OrdersRpc.place)
  async place() {
    await toProducts.call(ProductsRpc.quote, { productIds: [ID] });
    return new KeyedAnswer({ order, replayed: false }, false);
  }

  @RpcHandler(OrdersRpc.get)
  async get(): Promise<OrderView> {
    return order;
  }
}

@Module({ controllers: [OrderRpc] })
class OrdersModule {}

Logger.overrideLogger(false);

configureLogger('test', 'silent');

const p99 = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? Infinity;

describe('a dependency that fails under load', () => {
  let broker: TestBroker;
  let gateway: Nats;
  let otherGateway: Nats;
  let ordersNats: Nats;
  let client: RpcClient;
  let orders: INestMicroservice;
  let products: Nats;
  let quotes: Subscription | undefined;
  let payments: RpcStub<unknown>;

  const withDeadline = <T>(work: () => Promise<T>): Promise<T> =>
    runInContext({ correlationId: 'correlation-1', traceparent: '', deadline: Deadline.in(DEADLINE_MS) }, work);

  const place = (from = client) =>
    withDeadline(() => from.call(OrdersRpc.place, { lines: [{ productId: ID, quantity: 1 }], paymentToken: 'tok_ok' }));
  const read = () => withDeadline(() => client.call(OrdersRpc.get, { id: ID }));
  const pay = () => withDeadline(() => client.call(PaymentsRpc.list, { orderId: ID }));

  /** Outcome of a call that may fail: status and code, and its duration. */
  const outcomeOf = async (work: () => Promise<unknown>) => {
    const started = performance.now();
    const outcome = await work().then(
      () => '200',
      (error: unknown) => (error instanceof DomainError ? `${error.status} ${error.code}` : String(error)),
    );
    return { outcome, tookMs: performance.now() - started };
  };

  /** p99 of 400 calls, ten at a time; rejects when one fails. */
  const latencyOf = async (work: () => Promise<unknown>): Promise<number> => {
    const times: number[] = [];
    const caller = async (): Promise<void> => {
      for (let call = 0; call < 40; call += 1) {
        const started = performance.now();
        await work();
        times.push(performance.now() - started);
      }
    };
    await Promise.all(Array.from({ length: 10 }, caller));
    return p99(times);
  };

  const inFlight = async (nats: Nats, dependency: string): Promise<number> => {
    const { values } = await nats.metrics.dependencyInFlight.get();
    return values.find(({ labels }) => labels.dependency === dependency)?.value ?? 0;
  };

  beforeAll(async () => {
    broker = await testBroker();
    [gateway, otherGateway, ordersNats, products] = await Promise.all([
      broker.connect('gateway'),
      broker.connect('gateway'),
      broker.connect('orders'),
      broker.connect('products'),
    ]);
    toProducts = new RpcClient(ordersNats);
    const transport: CustomStrategy = { strategy: new RpcServer(ordersNats) };
    orders = await NestFactory.createMicroservice<CustomStrategy>(OrdersModule, transport);
    orders.useGlobalPipes(new ContractPipe());
    orders.useGlobalFilters(new RpcProblemFilter());
    await orders.listen();
    payments = await stubRpc(broker, PaymentsRpc.list, () => ({ items: [] }));
  });

  afterAll(async () => {
    await payments.stop();
    await orders.close();
    await broker.close();
  });

  beforeEach(() => {
    client = new RpcClient(gateway);
    toProducts = new RpcClient(ordersNats);
  });

  afterEach(() => {
    quotes?.unsubscribe();
    quotes = undefined;
  });

  /** Products receives every request and answers none. */
  const stallProducts = async (): Promise<void> => {
    quotes = products.connection.subscribe(ProductsRpc.quote.subject, { queue: 'products', callback: () => undefined });
    await products.connection.flush();
  };

  it('neither slows down nor fails calls that do not need it while it answers no request', async () => {
    await latencyOf(read);
    const before = { read: await latencyOf(read), pay: await latencyOf(pay) };
    await stallProducts();

    // Two replicas of the gateway send as many of these requests as orders accepts in total.
    const placing = [client, new RpcClient(otherGateway)].flatMap((from) =>
      Array.from({ length: 200 }, () => outcomeOf(() => place(from))),
    );
    await eventually(async () => expect(await inFlight(ordersNats, 'products')).toBeGreaterThan(100));
    const during = { read: await latencyOf(read), pay: await latencyOf(pay) };
    const waiting = { atGateway: await inFlight(gateway, 'orders'), atOrders: await inFlight(ordersNats, 'products') };
    const placed = await Promise.all(placing);

    expect(during.read).toBeLessThan(FACTOR * before.read + NOISE_MS);
    expect(during.pay).toBeLessThan(FACTOR * before.pay + NOISE_MS);
    expect(waiting.atGateway).toBeLessThanOrEqual(128);
    expect(waiting.atOrders).toBeLessThanOrEqual(128);
    const outcomes = Map.groupBy(placed, ({ outcome }) => outcome);
    expect([...outcomes.keys()].toSorted()).toEqual([
      '503 dependency.too-many-calls',
      '503 overloaded',
      '504 deadline-exceeded',
    ]);
    expect(outcomes.get('504 deadline-exceeded')).toHaveLength(128);
    expect(outcomes.get('503 overloaded')).toHaveLength(128);
    expect(Math.max(...placed.map(({ tookMs }) => tookMs))).toBeLessThan(DEADLINE_MS + 500 * LENIENCY);
  });

  it('gets no calls after repeated timeouts, while the service in between stays available', async () => {
    await stallProducts();
    await Promise.all(Array.from({ length: 100 }, () => outcomeOf(() => place())));

    // A circuit that opened a while ago lets one call through, which fails and opens it again.
    const refused = await eventually(
      async () => {
        const outcome = await outcomeOf(() => place());
        expect(outcome).toMatchObject({ outcome: '503 dependency.circuit-open' });
        return outcome;
      },
      { timeoutMs: 30_000 },
    );
    expect(refused.tookMs).toBeLessThan(DEADLINE_MS - 500);
    await expect(read()).resolves.toEqual(order);

    quotes?.unsubscribe();
    const quote = { productId: ID, sku: 'OWL-1', name: 'Owl', unitPrice: { amountMinor: 100, currency: 'EUR' } };
    const back = await stubRpc(broker, ProductsRpc.quote, () => ({ quotes: [quote] }));
    await eventually(async () => expect(await outcomeOf(() => place())).toMatchObject({ outcome: '200' }));
    await back.stop();
  });

  it('is named by the service in between, whose own breaker stays closed', async () => {
    const refusing = await stubRpc(broker, ProductsRpc.quote, () => {
      throw new ServiceUnavailable();
    });
    // All at once, before the breaker of orders opens.
    const placed = await Promise.all(Array.from({ length: 100 }, () => place().catch((error: unknown) => error)));
    for (const one of placed) {
      expect(one).toMatchObject({ status: 503, dependency: 'products' });
    }
    await expect(read()).resolves.toEqual(order);
    await refusing.stop();
  });

  it('costs neither latency nor memory when it is stopped', async () => {
    const before = { read: await latencyOf(read), pay: await latencyOf(pay) };
    let stop = false;
    const outcomes = new Set<string>();
    const shopper = async (): Promise<void> => {
      while (!stop) {
        outcomes.add((await outcomeOf(() => place())).outcome);
      }
    };
    const shoppers = Array.from({ length: 50 }, shopper);
    const heapBefore = process.memoryUsage().heapUsed;
    const during = { read: await latencyOf(read), pay: await latencyOf(pay) };
    const heapGrowth = process.memoryUsage().heapUsed - heapBefore;
    stop = true;
    await Promise.all(shoppers);

    expect(during.read).toBeLessThan(FACTOR * before.read + NOISE_MS);
    expect(during.pay).toBeLessThan(FACTOR * before.pay + NOISE_MS);
    expect(heapGrowth).toBeLessThan(100_000_000);
    for (const one of outcomes) {
      expect(one).toMatch(/^503 (unavailable|dependency\.circuit-open)$/);
    }
    await expect(inFlight(gateway, 'orders')).resolves.toBe(0);
    await expect(inFlight(ordersNats, 'products')).resolves.toBe(0);
  });
});
