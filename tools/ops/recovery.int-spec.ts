import { OrderCanceled, OrderConfirmed, OrderCreated } from '@rookery/contracts';
import { consumerDefinitions } from '@rookery/messaging';
import { uuidv7 } from '@rookery/platform';
import { publishEvent, testBroker, testDatabase, type TestBroker, type TestDatabase } from '@rookery/testing';
import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/nats-core';
import { migrate } from '@rookery/devkit/stack/app-process';
import { buildApps } from '@rookery/devkit/stack/build';
import { forgetDeliveries, recoverOrders, type RecoveredOrders } from './recovery';

const GRACE_SECONDS = 600;

/** Databases as they are after a restore, and a broker that has seen more than they have. */
describe('recovery after a restore', () => {
  let broker: TestBroker;
  let admin: NatsConnection;
  let orders: TestDatabase;
  let products: TestDatabase;
  const productId = uuidv7();

  const recover = (): Promise<RecoveredOrders> =>
    recoverOrders(admin, { orders: orders.url, products: products.url }, GRACE_SECONDS);

  /** An order that the stream knows. */
  const placed = async (of = productId, amountMinor = 500): Promise<string> => {
    const orderId = uuidv7();
    const data = {
      orderId,
      customerId: 'alice',
      lines: [{ productId: of, quantity: 2 }],
      total: { amountMinor, currency: 'EUR' },
      sealedPaymentToken: 'sealed',
    };
    await publishEvent(broker, OrderCreated, data, { aggregateId: orderId });
    return orderId;
  };

  const rowOf = async (id: string) => (await orders.query<OrderRow>('SELECT * FROM orders WHERE id = $1', [id]))[0];

  const stepsOf = async (id: string): Promise<readonly string[]> =>
    (
      await orders.query<{ event: string }>('SELECT event FROM order_timeline WHERE order_id = $1 ORDER BY position', [
        id,
      ])
    ).map(({ event }) => event);

  beforeAll(async () => {
    if (process.env['ROOKERY_BUILT'] === undefined) await buildApps({ apps: ['orders', 'products'] });
    [broker, orders, products] = await Promise.all([
      testBroker(),
      testDatabase('recovery_orders'),
      testDatabase('recovery_products'),
    ]);
    admin = await broker.adminConnection();
    await Promise.all([
      migrate('orders', { DATABASE_URL: orders.url }),
      migrate('products', { DATABASE_URL: products.url }),
    ]);
    await products.query(
      `INSERT INTO products (id, version, event_sequence, sku, name, price_minor, currency, created_at, updated_at)
       VALUES ($1, 1, 0, 'EGG-1', 'Egg', 250, 'EUR', now(), now())`,
      [productId],
    );
  });

  afterAll(async () => {
    await broker.close();
    await Promise.all([orders.drop(), products.drop()]);
  });

  it('makes an order again that the database has lost, with its end, its steps and its events, once', async () => {
    const id = await placed();
    await publishEvent(broker, OrderConfirmed, { orderId: id }, { aggregateId: id, sequence: 2 });

    expect(await recover()).toEqual({ made: 1, ended: 1, repriced: [], refused: [], unreadable: [] });
    expect(await rowOf(id)).toMatchObject({
      customer_id: 'alice',
      status: 'Confirmed',
      event_sequence: 2,
      total_minor: '500',
      lines: [{ productId, sku: 'EGG-1', name: 'Egg', quantity: 2, unitPrice: { amountMinor: 250, currency: 'EUR' } }],
    });
    expect(await stepsOf(id)).toEqual(['OrderCreated', 'OrderConfirmed']);
    expect(
      await orders.query('SELECT sequence, published_at IS NOT NULL AS published FROM outbox WHERE aggregate_id = $1', [
        id,
      ]),
    ).toEqual([
      { sequence: 1, published: true },
      { sequence: 2, published: true },
    ]);

    expect(await recover()).toEqual({ made: 0, ended: 0, repriced: [], refused: [], unreadable: [] });
    expect(await stepsOf(id)).toEqual(['OrderCreated', 'OrderConfirmed']);
  });

  it('gives a Pending order the end that it had, and time to one that had none', async () => {
    const [canceled, waiting] = [await placed(), await placed()];
    await recover();
    await orders.query(`UPDATE orders SET deadline_at = now() - interval '1 hour'`);
    const data = { orderId: canceled, reason: 'customer-request' } as const;
    await publishEvent(broker, OrderCanceled, data, { aggregateId: canceled, sequence: 2 });

    expect(await recover()).toMatchObject({ made: 0, ended: 1 });
    expect(await rowOf(canceled)).toMatchObject({ status: 'Canceled', reason: 'customer-request' });
    const left = ((await rowOf(waiting))?.deadline_at.getTime() ?? 0) - Date.now();
    expect(left).toBeGreaterThan((GRACE_SECONDS - 60) * 1_000);
  });

  it('names an order whose prices have changed, and one whose product is gone instead of making it', async () => {
    const [repriced, refused] = [await placed(productId, 499), await placed(uuidv7())];

    expect(await recover()).toEqual({ made: 1, ended: 0, repriced: [repriced], refused: [refused], unreadable: [] });
    expect(await rowOf(repriced)).toMatchObject({ total_minor: '499' });
    expect(await rowOf(refused)).toBeUndefined();
  });

  it('deletes the consumers of one service and no other’s, and is content when they are gone', async () => {
    const names = async (): Promise<readonly string[]> => {
      const manager = await jetstreamManager(admin);
      const all = ['ORDERS', 'PAYMENTS', 'PRODUCTS'].map(async (stream) =>
        (await manager.consumers.list(stream).next()).map(({ name }) => `${stream} ${name}`),
      );
      return (await Promise.all(all)).flat().toSorted();
    };
    const expected = consumerDefinitions
      .filter(({ durable }) => durable !== 'orders')
      .map(({ stream, durable }) => `${stream} ${durable}`)
      .toSorted();

    expect(await forgetDeliveries(admin, 'orders')).toEqual(['PAYMENTS', 'PRODUCTS']);
    expect(await names()).toEqual(expected);
    await forgetDeliveries(admin, 'orders');
    expect(await names()).toEqual(expected);
  });
});

interface OrderRow {
  readonly status: string;
  readonly deadline_at: Date;
}
