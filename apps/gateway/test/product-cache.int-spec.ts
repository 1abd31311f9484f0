import { ProductChanged, productNotificationSubject, ProductPage, ProductView } from '@rookery/contracts';
import { DomainError } from '@rookery/platform';
import { eventually, FaultyLink, publishEvent, redisServer, testBroker, TestRedis } from '@rookery/testing';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { order, orderId, product, productId, unknownId } from './neighbours';
import { problemOf } from './problem';

const path = `/v1/products/${productId}`;
/** Entries live so long that only a change can have invalidated them. */
const LONG = '3600';

let gateway: GatewayUnderTest;
const open: GatewayUnderTest[] = [];
const start = async (env: Readonly<Record<string, string>> = {}): Promise<GatewayUnderTest> => {
  const started = await startGateway({ PRODUCT_CACHE_SECONDS: LONG, ...env });
  open.push(started);
  return started;
};
const closeAll = async (): Promise<void> => {
  await Promise.all(open.splice(0).map((one) => one.close()));
};
afterEach(closeAll);

const read = async (from = gateway): Promise<ProductView> => {
  const response = await from.request(path);
  expect(response.status).toBe(200);
  return ProductView.parse(await response.json());
};
const firstOfPage = async (from = gateway): Promise<ProductView> => {
  const { items } = ProductPage.parse(await (await from.request('/v1/products?limit=5')).json());
  const [first] = items;
  if (first === undefined) {
    throw new Error('the page is empty');
  }
  return first;
};
const priced = (amountMinor: number, of = gateway): ProductView => {
  const changed = {
    ...of.state.product,
    price: { amountMinor, currency: 'EUR' },
    version: of.state.product.version + 1,
  };
  of.state.product = changed;
  return changed;
};
const withStock = (available: number): ProductView => {
  gateway.state.product = { ...gateway.state.product, stock: { available } };
  return gateway.state.product;
};
const operator = () => gateway.issuer.token({ scopes: ['catalog:write'] });
const changed = (): Promise<string> =>
  publishEvent(
    gateway.broker,
    ProductChanged,
    { productId, version: 4, change: 'changed' },
    { aggregateId: productId },
  );
const notifyStockChange = async (): Promise<void> => {
  const { connection } = await gateway.broker.connect('products');
  connection.publish(productNotificationSubject(productId));
  await connection.flush();
};
/** Delays the responses of products until `open` is called. */
const holdAnswers = (): { open(): void } => {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  gateway.state.hold = promise;
  return { open: () => resolve(undefined) };
};
const stopProducts = async (): Promise<void> => {
  await Promise.all([gateway.stubs.getProduct.stop(), gateway.stubs.listProducts.stop()]);
};

describe('the product cache', () => {
  it('asks products once for a hundred parallel requests', async () => {
    gateway = await start();
    const held = holdAnswers();
    const answers = Array.from({ length: 100 }, () => gateway.request(path));
    await eventually(() => expect(gateway.stubs.getProduct.requests).toHaveLength(1));
    held.open();
    const bodies = await Promise.all(answers.map(async (answer) => ProductView.parse(await (await answer).json())));
    expect(bodies).toEqual(Array(100).fill(product));
    expect(gateway.stubs.getProduct.requests).toHaveLength(1);
  });

  it('answers again without asking products, for any spelling of the id, and each page separately', async () => {
    gateway = await start();
    await read();
    expect((await gateway.request(`/v1/products/${productId.toUpperCase()}`)).status).toBe(200);
    expect(gateway.stubs.getProduct.requests).toHaveLength(1);
    for (const query of ['limit=5', 'limit=5', 'limit=6', 'limit=5&q=nest', 'limit=5&q=nest']) {
      const page = await gateway.request(`/v1/products?${query}`);
      expect(page.headers.get('etag')).toMatch(/^"[\w-]{22}"$/);
      const again = await gateway.request(`/v1/products?${query}`, {
        headers: { 'if-none-match': page.headers.get('etag') ?? '' },
      });
      expect(again.status).toBe(304);
    }
    expect(gateway.stubs.listProducts.requests).toHaveLength(3);
  });

  it('shows a change after its event', async () => {
    gateway = await start();
    await Promise.all([read(), firstOfPage()]);
    const now = priced(1999);
    expect([await read(), await firstOfPage()]).toEqual([product, product]);
    await changed();
    await eventually(async () => expect([await read(), await firstOfPage()]).toEqual([now, now]));
  });

  it('shows a stock that sales have changed', async () => {
    gateway = await start();
    await Promise.all([read(), firstOfPage()]);
    const now = withStock(39);
    expect(await read()).toEqual(product);
    await notifyStockChange();
    await eventually(async () => expect([await read(), await firstOfPage()]).toEqual([now, now]));
  });

  it('shows a change without a notification after PRODUCT_CACHE_SECONDS', async () => {
    gateway = await start({ PRODUCT_CACHE_SECONDS: '1' });
    await read();
    const now = priced(1999);
    await eventually(async () => expect(await read()).toEqual(now));
  });

  it('asks each time if PRODUCT_CACHE_SECONDS is 0', async () => {
    gateway = await start({ PRODUCT_CACHE_SECONDS: '0' });
    await read();
    expect(await read()).toEqual(product);
    expect(gateway.stubs.getProduct.requests).toHaveLength(2);
  });

  it('caches no error', async () => {
    gateway = await start();
    for (let index = 0; index < 2; index += 1) {
      expect((await gateway.request(`/v1/products/${unknownId}`)).status).toBe(404);
    }
    expect(gateway.stubs.getProduct.requests).toHaveLength(2);
  });

  it('does not serve an old response that was in flight during an operator’s change', async () => {
    gateway = await start();
    const token = await operator();
    const held = holdAnswers();
    const early = gateway.request(path);
    await eventually(() => expect(gateway.stubs.getProduct.requests).toHaveLength(1));
    gateway.state.hold = Promise.resolve();
    const now = priced(1999);
    const change = { price: now.price };
    expect((await gateway.send('PATCH', path, change, { token, headers: { 'if-match': '*' } })).status).toBe(200);
    held.open();
    // Its request started before the change, so it may be the old one; later requests do not get it.
    expect(JSON.parse(await (await early).text())).toEqual(product);
    expect([await read(), await read()]).toEqual([now, now]);
  });

  it('serves nothing as fresh that was cached before a broker outage', async () => {
    const broker = await testBroker();
    const link = await FaultyLink.to(broker.envOf('gateway').NATS_URL);
    await broker.close();
    gateway = await start({ NATS_URL: link.url });
    await read();
    await link.cut();
    const now = priced(1999);
    await changed();
    const stale = await eventually(async () => {
      const response = await gateway.request(path);
      expect(response.headers.get('warning')).not.toBeNull();
      return response;
    });
    expect(JSON.parse(await stale.text())).toEqual(product);
    await link.mend();
    await eventually(async () => expect(await read()).toEqual(now), { timeoutMs: 20_000 });
    await closeAll();
    await link.close();
  });
});

describe('an operator who has just changed a product', () => {
  const ifMatch = { 'if-match': '*' };

  beforeEach(async () => {
    gateway = await start();
    await Promise.all([read(), firstOfPage()]);
  });

  it.each([
    ['a new price', 'PATCH', path, { price: { amountMinor: 1999, currency: 'EUR' } }],
    ['another stock', 'POST', `${path}/stock-adjustments`, { delta: 5, reason: 'found' }],
  ])('sees %s immediately, without waiting for an event', async (_what, method, where, body) => {
    const token = await operator();
    const now = priced(1999);
    expect((await gateway.send(method, where, body, { token, headers: ifMatch })).status).toBe(200);
    expect([await read(), await firstOfPage()]).toEqual([now, now]);
  });

  it('does not see an archived product from the cache', async () => {
    const token = await operator();
    expect((await gateway.request(path, { method: 'DELETE', token, headers: ifMatch })).status).toBe(204);
    const asked = gateway.stubs.getProduct.requests.length;
    await read();
    expect(gateway.stubs.getProduct.requests).toHaveLength(asked + 1);
  });

  it('reads the new version after a rejection of the old one', async () => {
    const token = await operator();
    const now = priced(1999);
    gateway.state.failure = new DomainError({
      status: 412,
      code: 'test.stale',
      title: 'Stale',
      detail: 'It has changed.',
    });
    const refused = await gateway.send('PATCH', path, { name: 'x' }, { token, headers: { 'if-match': '"3"' } });
    expect(refused.status).toBe(412);
    gateway.state.failure = undefined;
    expect(await read()).toEqual(now);
  });
});

describe('while products is unavailable', () => {
  it('cached responses are served as stale, with Age, Warning and no-cache', async () => {
    gateway = await start({ PRODUCT_CACHE_SECONDS: '0' });
    await Promise.all([read(), firstOfPage()]);
    await stopProducts();
    for (const where of [path, '/v1/products?limit=5']) {
      const response = await gateway.request(where);
      expect(response.status).toBe(200);
      expect(Number(response.headers.get('age'))).toBeGreaterThanOrEqual(0);
      expect(response.headers.get('warning')).toBe('110 - "Response is Stale"');
      expect(response.headers.get('cache-control')).toBe('no-cache');
      const text = await response.text();
      expect(JSON.parse(text)).toEqual(where === path ? product : { items: [product], nextCursor: null });
      const again = await gateway.request(where, {
        headers: { 'if-none-match': response.headers.get('etag') ?? '' },
      });
      expect(again.status).toBe(304);
      expect(again.headers.get('warning')).not.toBeNull();
    }
    // A response that is not cached cannot be served.
    expect((await gateway.request('/v1/products?limit=7')).status).toBe(503);
    expect(await (await gateway.request('/metrics')).text()).toMatch(/^product_reads_total\{outcome="stale"\} 4$/m);
  });

  it('cached responses are also served when products is too slow, without waiting for the whole deadline', async () => {
    gateway = await start({ PRODUCT_CACHE_SECONDS: '0' });
    await read();
    const held = holdAnswers();
    const response = await gateway.request(path);
    expect([response.status, response.headers.has('warning')]).toEqual([200, true]);
    held.open();
  });

  it('nothing is served beyond PRODUCT_STALE_SECONDS', async () => {
    gateway = await start({ PRODUCT_CACHE_SECONDS: '0', PRODUCT_STALE_SECONDS: '1' });
    await read();
    await stopProducts();
    await eventually(async () => {
      const response = await gateway.request(path);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).not.toBeNull();
      expect(['unavailable', 'dependency.circuit-open']).toContain((await problemOf(response)).code);
    });
  });

  it('changed content is not served; after a sale the cached response still is', async () => {
    gateway = await start();
    await read();
    await stopProducts();
    await notifyStockChange();
    await eventually(async () => expect((await gateway.request(path)).headers.has('warning')).toBe(true));
    await changed();
    await eventually(async () => expect((await gateway.request(path)).status).toBe(503));
  });

  it('a deleted product is not served as stale', async () => {
    gateway = await start({ PRODUCT_CACHE_SECONDS: '0' });
    await read();
    gateway.state.failure = new DomainError({ status: 404, code: 'test.gone', title: 'Gone', detail: 'It is gone.' });
    expect((await gateway.request(path)).status).toBe(404);
  });

  it('orders and payments are never cached', async () => {
    gateway = await start();
    const token = await gateway.issuer.token({ scopes: ['orders:read'] });
    const paths = [`/v1/orders/${orderId}`, '/v1/orders', `/v1/payments?orderId=${orderId}`];
    const statuses = () => Promise.all(paths.map(async (where) => (await gateway.request(where, { token })).status));
    expect(await statuses()).toEqual([200, 200, 200]);
    const { getOrder, listOrders, listPayments } = gateway.stubs;
    await Promise.all([getOrder.stop(), listOrders.stop(), listPayments.stop()]);
    expect(await statuses()).toEqual([503, 503, 503]);
    expect(order.id).toBe(orderId);
  });
});

(redisServer === undefined ? describe.skip : describe)('gateways that share the cache through Redis', () => {
  let redis: TestRedis;
  let link: FaultyLink;
  let other: GatewayUnderTest;

  beforeEach(async () => {
    redis = await TestRedis.start();
    link = await FaultyLink.to(redis.url);
    other = await start({ REDIS_URL: link.url });
    // Last, because in one process all gateways use the issuer of the last one.
    gateway = await start({ REDIS_URL: link.url });
    for (const one of [gateway, other]) {
      await connected(one);
    }
  });
  afterEach(async () => {
    await closeAll();
    await link.close();
    await redis.kill();
  });

  const connected = (one: GatewayUnderTest, up = 1): Promise<void> =>
    eventually(async () => expect(await (await one.request('/metrics')).text()).toContain(`\nredis_up ${up}\n`), {
      timeoutMs: 20_000,
      intervalMs: 250,
    });
  /** Both sets of stubs answer for both gateways, so they must have the same state. */
  const both = (amountMinor: number): ProductView => {
    const now = priced(amountMinor);
    other.state.product = now;
    return now;
  };
  const asked = (): number => gateway.stubs.getProduct.requests.length + other.stubs.getProduct.requests.length;

  const kept = async (): Promise<void> => {
    await read();
    await eventually(async () => {
      const before = asked();
      expect([await read(), await read(other)]).toEqual([product, product]);
      expect(asked()).toBe(before);
    });
  };

  it('ask products once for all of them', async () => {
    await kept();
    // One of them asked; at most each asked once before it saw the other's entry.
    expect(asked()).toBeLessThanOrEqual(3);
  });

  it('show a change through one gateway immediately through the other', async () => {
    await Promise.all([read(), read(other)]);
    const now = both(1999);
    const change = { price: now.price };
    const token = await operator();
    expect((await gateway.send('PATCH', path, change, { token, headers: { 'if-match': '*' } })).status).toBe(200);
    expect([await read(other), await read()]).toEqual([now, now]);
  });

  it('continue when Redis is killed, and share again when it is back', async () => {
    await Promise.all([read(), read(other)]);
    await redis.kill();
    const now = both(1999);
    await changed();
    await eventually(async () => expect([await read(), await read(other)]).toEqual([now, now]));
    await redis.start();
    await eventually(
      async () => {
        expect(await read()).toEqual(now);
        const before = asked();
        expect(await read(other)).toEqual(now);
        expect(asked()).toBe(before);
        expect(await (await gateway.request('/metrics')).text()).toMatch(/^redis_up 1$/m);
      },
      { timeoutMs: 20_000, intervalMs: 250 },
    );
  });

  it('use nothing that Redis stored before a missed invalidation', async () => {
    await kept();
    // Redis itself keeps running with its data.
    await link.cut();
    // Data that is sent before the outage is noticed may still arrive once the link is mended.
    for (const one of [gateway, other]) {
      await connected(one, 0);
    }
    const now = both(1999);
    await changed();
    await eventually(async () => expect([await read(), await read(other)]).toEqual([now, now]), { timeoutMs: 20_000 });
    await link.mend();
    for (const one of [gateway, other]) {
      await connected(one);
    }
    expect([await read(), await read(other)]).toEqual([now, now]);
  });
});
