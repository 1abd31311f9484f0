import { randomUUID } from 'node:crypto';
import {
  OrdersRpc,
  PaymentReserved,
  type Reconcile,
  type Reconciliation,
  ReconciliationRpc,
  StockReserved,
} from '@rookery/contracts';
import { uuidv7 } from '@rookery/platform';
import { eventually, testActor } from '@rookery/testing';
import { aProduct } from './order.builder';
import { alice, type OrdersUnderTest, startOrders } from './orders-service';
import { SettlementNeighbours } from './reconciliation-neighbours';

const auditor = testActor({ subject: 'auditor', scopes: ['ops:read'] });
const DIFFERENCES = 'reconciliation_differences';
const LAST_SUCCESS = 'reconciliation_last_success_timestamp_seconds';
const DEADLINE_SECONDS = 600;
/** Past the settling time of two minutes; past the deadline of a Pending order and that. */
const [SETTLED_MS, OVERDUE_MS] = [121_000, 721_000];

describe('the reconciliation', () => {
  let orders: OrdersUnderTest;
  let neighbours: SettlementNeighbours;
  const product = aProduct();
  const { productId } = product;
  const lines = [{ productId, quantity: 1 }];

  beforeEach(async () => {
    orders = await startOrders({ catalog: [product], deadlineSeconds: DEADLINE_SECONDS });
    neighbours = await SettlementNeighbours.start(orders);
  });
  afterEach(() => orders.stop());

  const placed = async (): Promise<string> =>
    (await orders.call(OrdersRpc.place, { lines, paymentToken: 'tok_ok' }, alice, { idempotencyKey: randomUUID() }))
      .order.id;
  const confirmed = async (earlier?: string): Promise<string> => {
    const orderId = earlier ?? (await placed());
    await orders.publish(PaymentReserved, { orderId, paymentId: orderId, amount: product.unitPrice });
    await orders.publish(StockReserved, { orderId, lines });
    await eventually(async () =>
      expect((await orders.call(OrdersRpc.get, { id: orderId }, alice)).status).toBe('Confirmed'),
    );
    neighbours.delivered(orderId, product.unitPrice.amountMinor, productId);
    return orderId;
  };
  const reconcile = (request: Reconcile = { since: '2026-01-01T00:00:00.000Z' }): Promise<Reconciliation> =>
    orders.call(ReconciliationRpc.reconcile, request, auditor);
  const kinds = ({ differences }: Reconciliation) => differences.map(({ kind, orderId }) => [kind, orderId]);

  it('finds no difference where all services agree, and reports what was compared', async () => {
    const since = new Date().toISOString();
    await confirmed();
    const canceled = await placed();
    await orders.call(OrdersRpc.cancel, { id: canceled }, alice);
    await orders.advanceClock(SETTLED_MS);
    const report = await reconcile({ since });
    expect(report).toMatchObject({ orders: 2, inFlight: 0, products: 7, differences: [], total: 0, next: null });
    expect(report.from).toBe(since);
    expect(Date.parse(report.to)).toBeGreaterThan(Date.parse(since));
  });

  it('ignores orders in flight, whatever the other services record', async () => {
    const [endsNow, waits] = [await placed(), await placed()];
    await orders.advanceClock(SETTLED_MS);
    neighbours.capturedLate(await confirmed(endsNow));
    neighbours.delivered(waits, 1, productId);
    expect(await reconcile()).toMatchObject({ orders: 0, inFlight: 2, total: 0 });
  });

  it('finds an order that was not ended at its deadline', async () => {
    const id = await placed();
    // Keeps the sweeper from it.
    await orders.database.query('BEGIN');
    await orders.database.query('SELECT 1 FROM orders WHERE id = $1 FOR UPDATE', [id]);
    await orders.advanceClock(OVERDUE_MS);
    const report = await reconcile();
    await orders.database.query('COMMIT');
    expect(kinds(report)).toEqual([['order-overdue', id]]);
    await eventually(async () => expect((await orders.call(OrdersRpc.get, { id }, alice)).status).toBe('Canceled'));
    // It ended a moment ago: nothing is known of it again before it has settled.
    expect(await reconcile()).toMatchObject({ inFlight: 1, total: 0 });
    expect(await orders.metric(`${DIFFERENCES}{kind="order-overdue"}`)).toBe(1);
    await orders.advanceClock(SETTLED_MS);
    await reconcile();
    expect(await orders.metric(`${DIFFERENCES}{kind="order-overdue"}`)).toBe(0);
  });

  it('reports a difference with both sides, exposes it as a metric, and drops it once it is resolved', async () => {
    const orderId = await confirmed();
    const capture = neighbours.capturedLate(orderId);
    await orders.advanceClock(SETTLED_MS);
    expect(await reconcile()).toMatchObject({
      total: 1,
      differences: [
        {
          kind: 'payment-missing',
          orderId,
          paymentId: orderId,
          productId: null,
          says: { orders: 'Confirmed 1999 EUR', payments: 'Reserved 1999 EUR' },
        },
      ],
    });
    expect(await orders.metric(`${DIFFERENCES}{kind="payment-missing"}`)).toBe(1);
    expect(await orders.metric(`${DIFFERENCES}{kind="stock-sum"}`)).toBe(0);
    capture();
    expect(await reconcile()).toMatchObject({ total: 0 });
    expect(await orders.metric(`${DIFFERENCES}{kind="payment-missing"}`)).toBe(0);
  });

  it('does not report a difference that is gone on the second read', async () => {
    const capture = neighbours.capturedLate(await confirmed());
    await orders.advanceClock(SETTLED_MS);
    const report = reconcile();
    await neighbours.askedAgain(0);
    capture();
    expect(await report).toMatchObject({ orders: 1, total: 0 });
    expect(neighbours.asked).toHaveLength(2);
  });

  it('finds records that only payments, only the provider or only products has', async () => {
    const [paid, charged, reserved] = [uuidv7(), uuidv7(), uuidv7()];
    neighbours.delivered(paid, 1, productId);
    neighbours.reservations.delete(paid);
    neighbours.payments.set(charged, {
      orderId: charged,
      payment: null,
      ledger: [{ kind: 'charge-without-payment', payments: 'no payment', provider: 'captured 1 EUR' }],
    });
    neighbours.delivered(reserved, 1, productId);
    neighbours.payments.delete(reserved);
    await orders.advanceClock(SETTLED_MS);
    expect(kinds(await reconcile())).toEqual([
      ['payment-without-order', paid],
      ['charge-without-payment', charged],
      ['reservation-without-order', reserved],
    ]);
  });

  it('reports stock that does not add up until it does', async () => {
    neighbours.unbalanced = [
      { productId, initial: 5, adjusted: 0, available: 3, reserved: 0, sold: 2, adjustments: 0, held: 0, shipped: 1 },
    ];
    expect((await reconcile()).differences).toEqual([
      {
        kind: 'stock-sold',
        orderId: null,
        paymentId: null,
        productId,
        says: { stock: '2 sold', reservations: '1 sold' },
      },
    ]);
    expect(await orders.metric(`${DIFFERENCES}{kind="stock-sold"}`)).toBe(1);
    neighbours.unbalanced = [];
    expect(await reconcile()).toMatchObject({ total: 0 });
    expect(await orders.metric(`${DIFFERENCES}{kind="stock-sold"}`)).toBe(0);
  });

  it('counts the products that do not add up beyond those that it lists', async () => {
    const stock = { productId, initial: 5, adjusted: 0, available: 4, reserved: 1, sold: 0, adjustments: 0 };
    neighbours.unbalanced = [{ ...stock, held: 0, shipped: 1 }];
    neighbours.unlisted = 300;
    const report = await reconcile();
    expect(report.differences.map(({ kind }) => kind)).toEqual(['stock-reserved', 'stock-sold']);
    expect(report.total).toBe(302);
  });

  it('continues each part where the last one ended, and checks the stock once', async () => {
    for (let count = 0; count < 150; count += 1) {
      neighbours.delivered(uuidv7(), 1, productId);
    }
    await orders.advanceClock(SETTLED_MS);
    const [, second = ''] = [...neighbours.payments.keys()];
    const rest = await reconcile({ after: second });
    expect(rest).toMatchObject({ products: 0, orders: 0, total: 2 * 148, next: null });
    expect(rest.differences).toHaveLength(200);
    expect(await orders.metric(`${DIFFERENCES}{kind="payment-without-order"}`)).toBe(148);
  });

  it('is refused without the scope for operational data', async () => {
    await expect(
      orders.call(ReconciliationRpc.reconcile, { since: new Date().toISOString() }, alice),
    ).rejects.toMatchObject({ status: 403 });
  });

  it('answers 503 naming the service that is away, and keeps the known differences', async () => {
    neighbours.capturedLate(await confirmed());
    await orders.advanceClock(SETTLED_MS);
    await reconcile();
    await neighbours.withoutPayments(async () => {
      await expect(reconcile()).rejects.toMatchObject({ status: 503, detail: 'payments does not respond.' });
      await expect(orders.reconcile()).rejects.toMatchObject({ status: 503 });
    });
    expect(await orders.metric(`${DIFFERENCES}{kind="payment-missing"}`)).toBe(1);
    expect(await orders.metric(LAST_SUCCESS)).toBe(0);
  });

  describe('done periodically', () => {
    const HOUR_MS = 3_600_000;

    it('runs as the service itself, once per interval, in whichever replica is first', async () => {
      await confirmed();
      await orders.advanceClock(SETTLED_MS);
      await Promise.all(Array.from({ length: 4 }, () => orders.reconcile()));
      expect(neighbours.asked).toHaveLength(1);
      expect(await orders.metric(LAST_SUCCESS)).toBeCloseTo((Date.now() + SETTLED_MS) / 1_000, -2);
      await orders.reconcile();
      expect(neighbours.asked).toHaveLength(1);
      await orders.advanceClock(HOUR_MS);
      await orders.reconcile();
      expect(neighbours.asked).toHaveLength(2);
    });

    it('compares known differences again, however old, until they are resolved', async () => {
      const capture = neighbours.capturedLate(await confirmed());
      await orders.advanceClock(SETTLED_MS);
      await orders.reconcile();
      for (let days = 0; days < 3; days += 1) {
        await orders.advanceClock(24 * HOUR_MS);
        await orders.reconcile();
        expect(await orders.metric(`${DIFFERENCES}{kind="payment-missing"}`)).toBe(1);
      }
      capture();
      await orders.advanceClock(24 * HOUR_MS);
      await orders.reconcile();
      expect(await orders.metric(`${DIFFERENCES}{kind="payment-missing"}`)).toBe(0);
    });

    it('finds orders that had not settled at the run before', async () => {
      neighbours.capturedLate(await confirmed());
      await orders.reconcile();
      expect(await orders.metric(`${DIFFERENCES}{kind="payment-missing"}`)).toBe(0);
      await orders.advanceClock(HOUR_MS);
      await orders.reconcile();
      expect(await orders.metric(`${DIFFERENCES}{kind="payment-missing"}`)).toBe(1);
    });

    it('ends early when the process stops, and does not count as done', async () => {
      await orders.advanceClock(SETTLED_MS);
      await orders.reconcile(AbortSignal.abort());
      expect(await orders.metric(LAST_SUCCESS)).toBe(0);
    });
  });
});
