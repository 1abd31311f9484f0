import { jest } from '@jest/globals';
import { headers as newHeaders, type MsgHdrs } from '@nats-io/nats-core';
import { Controller, type INestMicroservice, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type CustomStrategy, Payload } from '@nestjs/microservices';
import { z } from 'zod';
import { Headers, OrdersRpc, Problem, ProductsRpc, type ProductView } from '@rookery/contracts';
import {
  CallRefused,
  configureLogger,
  ContractPipe,
  currentContext,
  Deadline,
  Forbidden,
  InvalidInput,
  KeyedAnswer,
  NotFound,
  type RequestContext,
  requireContext,
  RpcProblemFilter,
  runInContext,
} from '@rookery/platform';
import { ANSWER_MARGIN_MS } from '@rookery/resilience';
import { eventually, testBroker, type TestBroker } from '@rookery/testing';
import type { Nats } from '../src/broker/nats';
import { ReplyInbox } from '../src/rpc/reply-inbox';
import { RpcClient } from '../src/rpc/rpc-client';
import { RpcHandler } from '../src/rpc/rpc-handler';
import { RpcServer, type RpcServerOptions } from '../src/rpc/rpc-server';

const product = {
  id: '01939d3c-0000-7000-8000-000000000001',
  sku: 'OWL-1',
  name: 'Owl',
  description: null,
  category: null,
  price: { amountMinor: 100, currency: 'EUR' },
  stock: { available: 1 },
  version: 1,
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:00Z',
};
const OTHER_ID = '01939d3c-0000-7000-8000-000000000002';

/** Next results of the handlers of the service under test, and what they received. */
const seen: (RequestContext | undefined)[] = [];
let behave: () => Promise<unknown> = async () => product;

@Controller()
class ProductRpc {
  @RpcHandler(ProductsRpc.get)
  get(
    @Payload({ schema: ProductsRpc.get.request }) request: z.infer<typeof ProductsRpc.get.request>,
  ): Promise<unknown> {
    seen.push(currentContext());
    if (request.id !== product.id) {
      throw new NotFound('products.product-not-found', 'There is no such product.');
    }
    return behave();
  }

  @RpcHandler(ProductsRpc.create)
  async create(): Promise<KeyedAnswer<ProductView>> {
    seen.push(currentContext());
    await behave();
    return new KeyedAnswer(product, currentContext()?.idempotencyKey === 'used-before');
  }
}

@Module({ controllers: [ProductRpc] })
class AppModule {}

const matching = (pattern: RegExp): unknown => expect.stringMatching(pattern);

Logger.overrideLogger(false);

configureLogger('test', 'silent');

describe('requests over NATS', () => {
  let broker: TestBroker;
  let gateway: Nats;
  let client: RpcClient;
  let app: INestMicroservice;
  let products: Nats;

  const serve = async (options?: RpcServerOptions): Promise<INestMicroservice> => {
    products = await broker.connect('products');
    const transport: CustomStrategy = { strategy: new RpcServer(products, options) };
    const service = await NestFactory.createMicroservice<CustomStrategy>(AppModule, transport);
    service.useGlobalPipes(new ContractPipe());
    service.useGlobalFilters(new RpcProblemFilter());
    await service.listen();
    return service;
  };

  /** Sends a raw message, as any client could, and returns the Problem in the reply, if any. */
  const send = async (payload: string | Uint8Array, headers?: MsgHdrs): Promise<Problem> => {
    const message = await new ReplyInbox(gateway).request(ProductsRpc.get.subject, payload, {
      timeoutMs: 2_000,
      ...(headers === undefined ? {} : { headers }),
    });
    return z.object({ err: Problem }).parse(message.json()).err;
  };

  const packet = (id = 'request-1'): string =>
    JSON.stringify({ pattern: ProductsRpc.get.subject, data: { id: product.id }, id });

  beforeAll(async () => {
    broker = await testBroker();
    gateway = await broker.connect('gateway');
  });
  afterAll(() => broker.close());
  beforeEach(async () => {
    seen.length = 0;
    behave = async () => product;
    // Each spec has its own breaker, so that failures do not carry over.
    client = new RpcClient(gateway);
    app = await serve();
  });
  afterEach(() => app.close());

  it('returns the response of the contract', async () => {
    await expect(client.call(ProductsRpc.get, { id: product.id })).resolves.toEqual(product);
  });

  it('propagates correlation id, trace, remaining time and idempotency key to the handler', async () => {
    const context = {
      correlationId: 'correlation-1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      deadline: Deadline.in(3_000),
      idempotencyKey: 'key-12345',
    };
    await runInContext(context, () => client.call(ProductsRpc.get, { id: product.id }));
    expect(seen).toEqual([
      expect.objectContaining({
        correlationId: context.correlationId,
        idempotencyKey: context.idempotencyKey,
        traceparent: matching(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/),
        causationId: matching(/^[0-9a-f-]{36}$/),
      }),
    ]);
    const msLeft = seen[0]?.deadline?.msLeft ?? NaN;
    // Without the margin of the hop. The elapsed time is part of both values.
    expect(context.deadline.msLeft - msLeft).toBeGreaterThan(ANSWER_MARGIN_MS - 60);
    expect(context.deadline.msLeft - msLeft).toBeLessThanOrEqual(ANSWER_MARGIN_MS + 1);
  });

  it.each([
    { deadlineMs: 30_000, timeoutMs: undefined, leaves: 30_000, what: 'all the time of a request that may take long' },
    { deadlineMs: 60_000, timeoutMs: 20_000, leaves: 20_000, what: 'its own timeout when that is shorter' },
    { deadlineMs: undefined, timeoutMs: undefined, leaves: 5_000, what: '5 s outside of a request' },
  ])('gives the service $what', async ({ deadlineMs, timeoutMs, leaves }) => {
    const deadline = deadlineMs === undefined ? undefined : Deadline.in(deadlineMs);
    const context = { correlationId: 'correlation-1', traceparent: '', deadline };
    await runInContext(context, () => client.call(ProductsRpc.get, { id: product.id }, { timeoutMs }));
    expect(seen[0]?.deadline?.msLeft).toBeLessThanOrEqual(leaves);
    expect(seen[0]?.deadline?.msLeft).toBeGreaterThan(leaves / 2);
  });

  it('passes on the Problem of a service', async () => {
    await expect(client.call(ProductsRpc.get, { id: OTHER_ID })).rejects.toMatchObject({
      status: 404,
      code: 'products.product-not-found',
    });
  });

  it('validates the body again in the service', async () => {
    const data = JSON.stringify({ pattern: ProductsRpc.get.subject, data: { id: 'x' }, id: 'request-1' });
    await expect(send(data)).resolves.toMatchObject({
      status: 400,
      code: 'rpc.contract-broken',
      errors: [expect.objectContaining({ pointer: matching(/\/id$/) })],
    });
    expect(seen).toEqual([]);
  });

  describe('a rejection of the calling process, not of the actor', () => {
    const refusals: readonly [string, () => Promise<unknown>][] = [
      ['a body that its contract does not know', () => client.call(ProductsRpc.get, { id: 'x' })],
      [
        'an internal token that is not good',
        () => {
          behave = () => Promise.reject(new CallRefused('auth.invalid-internal-token', { status: 401, detail: 'no' }));
          return client.call(ProductsRpc.get, { id: product.id });
        },
      ],
    ];

    it.each(refusals)('is 503 with Retry-After for the actor: %s', async (_, ask) => {
      await expect(ask()).rejects.toMatchObject({
        status: 503,
        code: 'dependency.refused-call',
        retryAfterSeconds: 1,
        dependency: 'products',
        challenge: undefined,
        errors: undefined,
      });
    });

    it('opens the breaker like any other failure of the service', async () => {
      const caller = new RpcClient(gateway);
      const ask = () => caller.call(ProductsRpc.get, { id: 'x' });
      await eventually(() => expect(ask()).rejects.toMatchObject({ code: 'dependency.circuit-open' }));
    });

    it('retries a query, because another replica may accept it', async () => {
      const refusing = behave;
      let asked = 0;
      behave = async () => {
        asked += 1;
        if (asked > 1) {
          return refusing();
        }
        throw new CallRefused('auth.invalid-internal-token', { status: 401, detail: 'no' });
      };
      await expect(new RpcClient(gateway).call(ProductsRpc.get, { id: product.id })).resolves.toEqual(product);
    });

    it('passes on a rejection of the actor unchanged', async () => {
      behave = () => Promise.reject(new Forbidden('auth.insufficient-scope'));
      await expect(client.call(ProductsRpc.get, { id: product.id })).rejects.toMatchObject({ status: 403 });
      behave = () => Promise.reject(new InvalidInput([], 'The password is too weak.'));
      await expect(client.call(ProductsRpc.get, { id: product.id })).rejects.toMatchObject({ status: 400 });
    });
  });

  it('reveals nothing about an unexpected error', async () => {
    behave = () => Promise.reject(new Error('password=hunter2'));
    const problem = await send(packet());
    expect(problem).toMatchObject({ status: 500, code: 'internal' });
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it('rejects a response that breaks its contract', async () => {
    behave = async () => ({ ...product, version: 0 });
    await expect(client.call(ProductsRpc.get, { id: product.id })).rejects.toThrow('breaks its contract at version');
  });

  it('answers 503 at once when no process serves the subject', async () => {
    const started = performance.now();
    await expect(client.call(OrdersRpc.list, { limit: 1 })).rejects.toMatchObject({
      status: 503,
      retryAfterSeconds: 1,
    });
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it('answers 504 at the deadline when the service was killed during the request', async () => {
    behave = async () => {
      await products.connection.close();
      return new Promise(() => undefined);
    };
    const started = performance.now();
    await expect(client.call(ProductsRpc.get, { id: product.id }, { timeoutMs: 400 })).rejects.toMatchObject({
      status: 504,
    });
    expect(performance.now() - started).toBeLessThan(4_000);
  });

  it('does not call when the deadline of the context has passed', async () => {
    const context = { correlationId: 'correlation-1', traceparent: '', deadline: Deadline.in(-1) };
    await expect(runInContext(context, () => client.call(ProductsRpc.get, { id: product.id }))).rejects.toMatchObject({
      status: 504,
    });
    expect(seen).toEqual([]);
  });

  it.each([
    ['a packet without id', JSON.stringify({ pattern: ProductsRpc.get.subject, data: { id: product.id } })],
    ['bad JSON', '{"pattern":'],
    ['bytes that are not UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['JSON that is no packet', '[]'],
    ['an empty message', ''],
    ['a packet for another subject', JSON.stringify({ pattern: 'rpc.products.create', data: {}, id: 'request-1' })],
    [
      '45,000 nested arrays',
      `{"pattern":"rpc.products.get","id":"request-1","data":${'['.repeat(45_000)}${']'.repeat(45_000)}}`,
    ],
  ])('refuses %s with 400 and does not handle it', async (_, payload) => {
    await expect(send(payload)).resolves.toMatchObject({ status: 400 });
    expect(seen).toEqual([]);
  });

  it('does not handle a request without reply subject', async () => {
    gateway.connection.publish(ProductsRpc.get.subject, packet());
    await client.call(ProductsRpc.get, { id: product.id });
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['no time', '0', 504],
    ['a time in words', 'soon', 400],
    ['a negative time', '-1', 400],
    ['a fraction of a millisecond', '0.5', 400],
    ['16 digits', '1000000000000000', 400],
  ])('refuses a request that says it has %s left', async (_, timeLeft, status) => {
    const headers = newHeaders();
    headers.set(Headers.timeLeft, timeLeft);
    await expect(send(packet(), headers)).resolves.toMatchObject({ status });
    expect(seen).toEqual([]);
  });

  it.each([70_000, -70_000])('accepts a request although its clock is %i ms ahead of the caller’s', async (ms) => {
    const rightNow = Date.now.bind(Date);
    const answer = client.call(ProductsRpc.get, { id: product.id });
    // The request has been sent: from here on this process acts as the callee.
    jest.spyOn(Date, 'now').mockImplementation(() => rightNow() + ms);
    try {
      await expect(answer).resolves.toEqual(product);
    } finally {
      jest.restoreAllMocks();
    }
    expect(seen[0]?.deadline?.msLeft).toBeGreaterThan(3_000);
  });

  it('does not adopt a malformed correlation id', async () => {
    const headers = newHeaders();
    headers.set(Headers.correlationId, 'x{"level":"fatal"}');
    headers.set(Headers.traceparent, 'nonsense');
    await new ReplyInbox(gateway).request(ProductsRpc.get.subject, packet(), { timeoutMs: 2_000, headers });
    expect(seen[0]?.correlationId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('answers 500 instead of nothing when the reply exceeds the broker’s maximum payload', async () => {
    behave = async () => ({ ...product, description: 'x'.repeat(1_100_000) });
    await expect(client.call(ProductsRpc.get, { id: product.id })).rejects.toMatchObject({ status: 500 });
  });

  it('finishes the request in progress before it closes, and accepts no new one', async () => {
    const finish = Promise.withResolvers<unknown>();
    behave = () => finish.promise;
    const answer = client.call(ProductsRpc.get, { id: product.id });
    await eventually(() => expect(seen).toHaveLength(1));
    const closed = app.close();
    await eventually(() =>
      expect(
        client.call(ProductsRpc.create, { sku: 'A', name: 'A', price: product.price }, { timeoutMs: 200 }),
      ).rejects.toMatchObject({
        status: 503,
      }),
    );
    finish.resolve(product);
    await expect(answer).resolves.toEqual(product);
    await closed;
  });

  it('rejects requests beyond the share of a subject with 503, and accepts others', async () => {
    await app.close();
    app = await serve({ maxInFlight: 4 });
    const finish = Promise.withResolvers<unknown>();
    behave = () => finish.promise;
    const first = [1, 2].map(() => client.call(ProductsRpc.get, { id: product.id }));
    await eventually(() => expect(seen).toHaveLength(2));
    await expect(client.call(ProductsRpc.get, { id: product.id })).rejects.toMatchObject({
      status: 503,
      code: 'overloaded',
    });
    behave = async () => product;
    const body = { sku: 'A', name: 'A', price: product.price };
    await expect(client.call(ProductsRpc.create, body)).resolves.toEqual(product);
    finish.resolve(product);
    await expect(Promise.all(first)).resolves.toEqual([product, product]);
  });

  it.each([
    ['used-before', true],
    ['a-fresh-key', undefined],
  ])('tells the caller whether the answer to the key %s is a repetition', async (idempotencyKey, replayed) => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const context: RequestContext = { correlationId: 'correlation-3', traceparent, idempotencyKey };
    const body = { sku: 'A', name: 'A', price: product.price };
    await expect(runInContext(context, () => client.call(ProductsRpc.create, body))).resolves.toEqual(product);
    expect(context.replayed).toBe(replayed);
  });

  describe('equal queries of one HTTP request', () => {
    const trace = {
      correlationId: 'correlation-2',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    const within = <Result>(work: () => Promise<Result>): Promise<Result> =>
      runInContext({ ...trace, asksOnce: true, deadline: Deadline.in(5_000) }, work);
    const get = () => client.call(ProductsRpc.get, { id: product.id });

    it('are sent once, and again for the next request', async () => {
      expect(await within(async () => [...(await Promise.all([get(), get()])), await get()])).toEqual(
        Array(3).fill(product),
      );
      expect(seen).toHaveLength(1);
      await within(get);
      expect(seen).toHaveLength(2);
    });

    it('are sent again after a command, even one in between', async () => {
      const { promise: changed, resolve: change } = Promise.withResolvers<typeof product>();
      await within(async () => {
        await get();
        behave = () => changed;
        const changing = client.call(ProductsRpc.create, { sku: 'A', name: 'A', price: product.price });
        await eventually(() => expect(seen).toHaveLength(2));
        behave = async () => product;
        await get();
        change(product);
        await changing;
        await get();
      });
      expect(seen).toHaveLength(4);
    });

    it('are sent again after a failure, and outside of HTTP requests, which poll for changes', async () => {
      await app.close();
      await within(async () => {
        await expect(get()).rejects.toMatchObject({ status: 503 });
        app = await serve();
        await get();
      });
      expect(seen).toHaveLength(1);
      await runInContext({ ...trace, deadline: Deadline.in(5_000) }, async () => [await get(), await get()]);
      expect(seen).toHaveLength(3);
    });
  });

  it('runs each handler in its own context', async () => {
    behave = async () => ({ ...product, name: requireContext().correlationId });
    const names = await Promise.all(
      ['correlation-a', 'correlation-b'].map((correlationId) =>
        runInContext({ correlationId, traceparent: '' }, () => client.call(ProductsRpc.get, { id: product.id })),
      ),
    );
    expect(names.map(({ name }) => name)).toEqual(['correlation-a', 'correlation-b']);
  });
});
