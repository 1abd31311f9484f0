import { OrderView } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { type ApiClient, clientOf, product, read } from '../src/client';
import { Databases } from '../src/databases';
import { stepsAfterConfirmation, stepsToConfirmation } from '../src/order-steps';
import { tokenOf } from '../src/tokens';

describe('the order saga through the gateway', () => {
  let alice: ApiClient;
  let olga: ApiClient;

  const databases = new Databases();

  beforeAll(async () => {
    alice = clientOf(await tokenOf('alice'));
    olga = clientOf(await tokenOf('olga'));
  });
  afterAll(() => databases.close());

  it('confirms an order whose funds and stock are there, and captures the payment', async () => {
    const { id } = await olga.addProduct({ stock: 10 });
    const placed = await alice.buy(id, 3);
    expect(placed).toMatchObject({
      status: 'Pending',
      reason: null,
      lines: [{ productId: id, quantity: 3, unitPrice: { amountMinor: 1_250, currency: 'EUR' } }],
      total: { amountMinor: 3_750, currency: 'EUR' },
    });

    expect(await alice.ended(placed.id)).toMatchObject({ status: 'Confirmed', reason: null });
    await eventually(async () => {
      expect((await alice.timeline(placed.id)).toSorted()).toEqual(
        [...stepsToConfirmation, ...stepsAfterConfirmation].toSorted(),
      );
    });
    expect((await alice.timeline(placed.id))[0]).toBe('OrderCreated');
    expect((await alice.payments(placed.id)).items).toMatchObject([
      { orderId: placed.id, status: 'Captured', amount: placed.total },
    ]);
    expect((await product(id)).stock.available).toBe(7);
  });

  it('charges the price of now, whatever price the gateway still shows', async () => {
    // The update bypasses the service, so no event tells the gateway of it. The event of the product's creation may come late and empty the
    // gateway's cache in between: then the next product shows it.
    const { id } = await eventually(async () => {
      const added = await olga.addProduct({ stock: 10 });
      expect((await product(added.id)).price.amountMinor).toBe(1_250);
      await databases.rows('products', 'UPDATE products SET price_minor = 1999 WHERE id = $1', [added.id]);
      expect((await product(added.id)).price.amountMinor).toBe(1_250);
      return added;
    });
    const placed = await alice.buy(id, 2);
    expect(placed.total).toEqual({ amountMinor: 3_998, currency: 'EUR' });
    await alice.ended(placed.id);
    await eventually(async () => {
      const { items } = await alice.payments(placed.id);
      expect(items).toMatchObject([{ status: 'Captured', amount: { amountMinor: 3_998 } }]);
    });
  });

  it.each([
    ['tok_declined', 'payment-declined'],
    ['tok_insufficient_funds', 'insufficient-funds'],
    ['tok_error', 'payment-error'],
  ])('cancels an order paid with %s for %s and takes no stock', async (paymentToken, reason) => {
    const { id } = await olga.addProduct({ stock: 10 });
    const placed = await alice.buy(id, 1, paymentToken);
    expect(await alice.ended(placed.id)).toMatchObject({ status: 'Canceled', reason });
    expect(await alice.timeline(placed.id)).toEqual(['OrderCreated', 'PaymentFailed', 'OrderCanceled']);
    expect((await alice.payments(placed.id)).items).toMatchObject([{ status: 'Failed' }]);
    expect((await product(id)).stock.available).toBe(10);
  });

  it('cancels an order for more than the stock and gives the reserved funds back', async () => {
    const { id } = await olga.addProduct({ stock: 2 });
    const placed = await alice.buy(id, 3);
    expect(await alice.ended(placed.id)).toMatchObject({ status: 'Canceled', reason: 'out-of-stock' });
    await eventually(async () => {
      expect((await alice.payments(placed.id)).items).toMatchObject([{ status: 'Released' }]);
      expect(await alice.timeline(placed.id)).toContain('PaymentReleased');
    });
    expect((await product(id)).stock.available).toBe(2);
  });

  it('reserves all lines of an order or none', async () => {
    const plenty = await olga.addProduct({ stock: 10 });
    const scarce = await olga.addProduct({ stock: 1 });
    const answer = await alice.place({
      lines: [
        { productId: plenty.id, quantity: 5 },
        { productId: scarce.id, quantity: 2 },
      ],
      paymentToken: 'tok_ok',
    });
    const placed = read(OrderView, answer);
    expect(await alice.ended(placed.id)).toMatchObject({ status: 'Canceled', reason: 'out-of-stock' });
    expect((await product(plenty.id)).stock.available).toBe(10);
    expect((await product(scarce.id)).stock.available).toBe(1);
  });

  it('confirms an order whose payment answer was lost, and charges once', async () => {
    const { id } = await olga.addProduct({ stock: 10 });
    const placed = await alice.buy(id, 1, 'tok_timeout_then_ok');
    expect(await alice.ended(placed.id)).toMatchObject({ status: 'Confirmed' });
    await eventually(async () => {
      expect((await alice.payments(placed.id)).items).toMatchObject([{ status: 'Captured' }]);
    });
  });

  it('gives one of 50 parallel buyers the last unit; the other 49 are canceled and refunded', async () => {
    const { id } = await olga.addProduct({ stock: 1 });
    const placed = await Promise.all(Array.from({ length: 50 }, () => alice.buy(id, 1)));
    const ended = await Promise.all(placed.map((order) => alice.ended(order.id, 60_000)));
    expect(ended.filter((order) => order.status === 'Confirmed')).toHaveLength(1);
    expect(ended.filter((order) => order.status === 'Canceled' && order.reason === 'out-of-stock')).toHaveLength(49);
    expect((await product(id)).stock.available).toBe(0);
    await eventually(
      async () => {
        const payments = await Promise.all(placed.map(async (order) => (await alice.payments(order.id)).items));
        expect(
          payments
            .flat()
            .map((payment) => payment.status)
            .toSorted(),
        ).toEqual(['Captured', ...Array<string>(49).fill('Released')]);
      },
      { timeoutMs: 30_000 },
    );
  });

  it('gives a canceled order’s stock back to the next buyer', async () => {
    const { id } = await olga.addProduct({ stock: 1 });
    const slow = await alice.buy(id, 1, 'tok_slow');
    expect((await alice.cancel(slow.id)).status).toBe(202);
    expect(await alice.order(slow.id)).toMatchObject({ status: 'Canceled', reason: 'customer-request' });
    const next = await alice.buy(id, 1);
    expect(await alice.ended(next.id)).toMatchObject({ status: 'Confirmed' });
    await eventually(async () => {
      const late = (await alice.payments(slow.id)).items;
      expect(late.filter((payment) => payment.status === 'Captured' || payment.status === 'Reserved')).toEqual([]);
    });
    expect(await alice.order(slow.id)).toMatchObject({ status: 'Canceled', reason: 'customer-request' });
  });
});
