import type { DataSource } from 'typeorm';
import { OrderCanceled, OrderConfirmed, OrderCreated, type ProductQuote, ProductsRpc } from '@rookery/contracts';
import { Nats, RpcClient } from '@rookery/messaging';
import { connect, Outbox, UnitOfWork } from '@rookery/persistence';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { InternalTokenIssuer } from '@rookery/security';
import {
  internalKeys,
  publishEvent,
  type RpcStub,
  stubRpc,
  testBroker,
  type TestBroker,
  testDatabase,
  type TestDatabase,
} from '@rookery/testing';
import { ordersDatabase } from '../src/database';
import { OrderRecovery, type RecoveredOrders } from '../src/recovery/order-recovery';

const GRACE_SECONDS = 600;

interface OrderRow {
  readonly status: string;
  readonly deadline_at: Date;
}

configureLogger('orders', 'silent');

/** A database as it is after a restore, and a stream that has seen more than it has. */
describe('the recovery of orders after a restore', () => {
  let broker: TestBroker;
  let database: TestDatabase;
  let dataSource: DataSource;
  let products: RpcStub<{ readonly productIds: readonly string[] }>;
  let nats: Nats;
  let rpc: RpcClient;
  const productId = uuidv7();
  const quote: ProductQuote = {
    productId,
    sku: 'EGG-1',
    name: 'Egg',
    unitPrice: { amountMinor: 250, currency: 'EUR' },
  };

  const recover = (): Promise<RecoveredOrders> => {
    const unitOfWork = new UnitOfWork(dataSource);
    return new OrderRecovery(unitOfWork, new Outbox(unitOfWork), rpc).run(nats.connection, GRACE_SECONDS);
  };

  /** An order that the stream knows. */
  const placed = async (of = productId, amountMinor = 500, currency = 'EUR'): Promise<string> => {
    const orderId = uuidv7();
    const data = {
      orderId,
      customerId: 'alice',
      lines: [{ productId: of, quantity: 2 }],
      total: { amountMinor, currency },
      sealedPaymentToken: 'sealed',
    };
    await publishEvent(broker, OrderCreated, data, { aggregateId: orderId });
    return orderId;
  };

  const rowOf = async (id: string) => (await database.query<OrderRow>('SELECT * FROM orders WHERE id = $1', [id]))[0];

  const stepsOf = async (id: string): Promise<readonly string[]> => {
    const sql = 'SELECT event FROM order_timeline WHERE order_id = $1 ORDER BY position';
    return (await database.query<{ event: string }>(sql, [id])).map(({ event }) => event);
  };

  beforeAll(async () => {
    const [leased, restored, { signingKeyOf }] = await Promise.all([
      testBroker(),
      testDatabase('recovery_orders', ordersDatabase({ DATABASE_URL: 'postgres://unused' })),
      internalKeys(),
    ]);
    broker = leased;
    database = restored;
    dataSource = await connect(ordersDatabase({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 1 }));
    products = await stubRpc(broker, ProductsRpc.quote, ({ productIds }) => ({
      quotes: productIds.includes(productId) ? [quote] : [],
    }));
    // As the job connects: the admin's key, under the name of orders.
    nats = await Nats.connect({ service: 'orders', url: broker.url, nkeySeed: broker.seedOf('admin') });
    rpc = new RpcClient(nats, new InternalTokenIssuer({ key: signingKeyOf('orders'), issuer: 'orders' }));
  });

  afterAll(async () => {
    await Promise.all([products.stop(), nats.close(), dataSource.destroy()]);
    await broker.close();
    await database.drop();
  });

  it('restores an order that the database has lost, with its end, its steps and its events, once', async () => {
    const id = await placed();
    const time = new Date(Date.now() - 60_000);
    const confirmed = await publishEvent(
      broker,
      OrderConfirmed,
      { orderId: id },
      { aggregateId: id, sequence: 2, time },
    );

    expect(await recover()).toEqual({ restored: 1, ended: 1, repriced: [], refused: [], unreadable: [] });
    expect(products.requests).toEqual([{ productIds: [productId] }]);
    expect(await rowOf(id)).toMatchObject({
      customer_id: 'alice',
      status: 'Confirmed',
      reason: null,
      version: 2,
      event_sequence: 2,
      total_minor: '500',
      updated_at: time,
      payment_reserved_at: time,
      stock_reserved_at: time,
      lines: [{ ...quote, quantity: 2 }],
    });
    expect(await stepsOf(id)).toEqual(['OrderCreated', 'OrderConfirmed']);
    const outbox = await database.query(
      `SELECT sequence, event_id = $2 AS confirmed, occurred_at = $3 AS then, published_at IS NOT NULL AS published
       FROM outbox WHERE aggregate_id = $1 ORDER BY sequence`,
      [id, confirmed, time],
    );
    expect(outbox).toEqual([
      { sequence: 1, confirmed: false, then: false, published: true },
      { sequence: 2, confirmed: true, then: true, published: true },
    ]);

    expect(await recover()).toEqual({ restored: 0, ended: 0, repriced: [], refused: [], unreadable: [] });
    expect(await stepsOf(id)).toEqual(['OrderCreated', 'OrderConfirmed']);
  });

  it('gives a Pending order the end that it had, and time to one that had none', async () => {
    const [canceled, waiting] = [await placed(), await placed()];
    await recover();
    await database.query(`UPDATE orders SET deadline_at = now() - interval '1 hour'`);
    const data = { orderId: canceled, reason: 'customer-request' } as const;
    await publishEvent(broker, OrderCanceled, data, { aggregateId: canceled, sequence: 2 });

    expect(await recover()).toMatchObject({ restored: 0, ended: 1 });
    expect(await rowOf(canceled)).toMatchObject({ status: 'Canceled', reason: 'customer-request' });
    const left = ((await rowOf(waiting))?.deadline_at.getTime() ?? 0) - Date.now();
    expect(left).toBeGreaterThan((GRACE_SECONDS - 60) * 1_000);
  });

  it('names an order whose prices or currency have changed, and one whose product is gone instead of restoring it', async () => {
    const [repriced, refused] = [await placed(productId, 499), await placed(uuidv7())];
    const inDollars = await placed(productId, 500, 'USD');

    expect(await recover()).toEqual({
      restored: 2,
      ended: 0,
      repriced: [repriced, inDollars],
      refused: [refused],
      unreadable: [],
    });
    expect(await rowOf(repriced)).toMatchObject({ total_minor: '499' });
    expect(await rowOf(inDollars)).toMatchObject({ total_minor: '500', currency: 'USD' });
    expect(await rowOf(refused)).toBeUndefined();
  });
});
