import { randomUUID } from 'node:crypto';
import { OrdersRpc, type OrderView } from '@rookery/contracts';
import { DomainError } from '@rookery/platform';
import { aProduct } from './order.builder';
import { alice, bob, olga, type OrdersUnderTest, startOrders } from './orders-service';

describe('reading and canceling orders', () => {
  let orders: OrdersUnderTest;
  const product = aProduct();

  beforeAll(async () => {
    orders = await startOrders({ catalog: [product] });
  });
  afterAll(() => orders.stop());

  const place = async (as = alice): Promise<OrderView> => {
    const request = { lines: [{ productId: product.productId, quantity: 1 }], paymentToken: 'tok_ok' };
    return (await orders.call(OrdersRpc.place, request, as, { idempotencyKey: randomUUID() })).order;
  };
  const walk = async (
    as: typeof alice,
    query: { readonly status?: 'Pending' | 'Canceled'; readonly limit: number },
  ) => {
    const pages: (readonly OrderView[])[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: OrderView[]; nextCursor: string | null } = await orders.call(
        OrdersRpc.list,
        { ...query, ...(cursor === null ? {} : { cursor }) },
        as,
      );
      pages.push(page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    return pages;
  };
  const problemOf = async (asking: Promise<unknown>): Promise<string> => {
    try {
      await asking;
    } catch (error) {
      if (error instanceof DomainError) {
        return JSON.stringify(error.toProblem());
      }
      throw error;
    }
    throw new Error('expected a refusal');
  };

  it('gives the same answer for another customer’s order and an unknown one', async () => {
    const { id } = await place();
    const unknown = randomUUID();
    for (const contract of [OrdersRpc.get, OrdersRpc.cancel]) {
      const foreign = await problemOf(orders.call(contract, { id }, bob));
      expect(foreign).toBe(await problemOf(orders.call(contract, { id: unknown }, bob)));
      expect(foreign).toContain('orders.order-not-found');
      expect(foreign).not.toContain(id);
    }
    expect(await problemOf(orders.call(OrdersRpc.timeline, { id }, bob))).toBe(
      await problemOf(orders.call(OrdersRpc.timeline, { id: unknown }, bob)),
    );
    expect((await orders.call(OrdersRpc.get, { id }, alice)).status).toBe('Pending');
  });

  it('lists only own orders, newest first, each once; all orders for an operator', async () => {
    const carol = { ...alice, subject: 'carol' };
    const placed: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      placed.unshift((await place(carol)).id);
    }
    await place(bob);

    const pages = await walk(carol, { limit: 2 });
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    expect(pages.flat().map((order) => order.id)).toEqual(placed);
    expect((await walk(carol, { limit: 5 })).map((page) => page.length)).toEqual([5]);

    const everybody = (await walk(olga, { limit: 3 })).flat().map((order) => order.id);
    expect(everybody).toEqual(expect.arrayContaining(placed));
    expect(new Set(everybody).size).toBe(everybody.length);
  });

  it('keeps the position of a page when an order is placed meanwhile', async () => {
    const dave = { ...alice, subject: 'dave' };
    const placed: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      placed.unshift((await place(dave)).id);
    }
    const first = await orders.call(OrdersRpc.list, { limit: 2 }, dave);
    await place(dave);
    const second = await orders.call(OrdersRpc.list, { limit: 2, cursor: first.nextCursor ?? '' }, dave);
    expect([...first.items, ...second.items].map((order) => order.id)).toEqual(placed);
  });

  it('skips no order when the last one of the page leaves the list meanwhile', async () => {
    const frank = { ...alice, subject: 'frank' };
    const placed: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      placed.unshift((await place(frank)).id);
    }
    const query = { status: 'Pending', limit: 2 } as const;
    const first = await orders.call(OrdersRpc.list, query, frank);
    await orders.call(OrdersRpc.cancel, { id: placed[1] ?? '' }, frank);
    const second = await orders.call(OrdersRpc.list, { ...query, cursor: first.nextCursor ?? '' }, frank);
    expect([...first.items, ...second.items].map((order) => order.id)).toEqual(placed);
  });

  it('filters by status', async () => {
    const erin = { ...alice, subject: 'erin' };
    const canceled = await place(erin);
    const pending = await place(erin);
    await orders.call(OrdersRpc.cancel, { id: canceled.id }, erin);
    expect((await walk(erin, { status: 'Canceled', limit: 10 })).flat().map((order) => order.id)).toEqual([
      canceled.id,
    ]);
    expect((await walk(erin, { status: 'Pending', limit: 10 })).flat().map((order) => order.id)).toEqual([pending.id]);
  });

  it('refuses forged cursors and those of another list', async () => {
    await place();
    await place();
    const { nextCursor } = await orders.call(OrdersRpc.list, { limit: 1 }, alice);
    const cursor = nextCursor ?? '';
    const asked = [
      orders.call(OrdersRpc.list, { limit: 1, cursor }, bob),
      orders.call(OrdersRpc.list, { limit: 1, cursor, status: 'Pending' }, alice),
      orders.call(OrdersRpc.list, { limit: 1, cursor }, olga),
      orders.call(OrdersRpc.list, { limit: 1, cursor: 'A'.repeat(43) }, alice),
    ];
    for (const asking of asked) {
      await expect(asking).rejects.toMatchObject({ status: 400, code: 'orders.invalid-cursor' });
    }
  });

  it('says who canceled', async () => {
    const own = await place();
    const foreign = await place();
    expect(await orders.call(OrdersRpc.cancel, { id: own.id }, alice)).toMatchObject({
      status: 'Canceled',
      reason: 'customer-request',
      version: 2,
    });
    expect(await orders.call(OrdersRpc.cancel, { id: foreign.id }, olga)).toMatchObject({
      status: 'Canceled',
      reason: 'operator-request',
    });
  });

  it('refuses to cancel twice, and lets one of ten parallel cancellations win', async () => {
    const { id } = await place();
    const answers = await Promise.allSettled(
      Array.from({ length: 10 }, () => orders.call(OrdersRpc.cancel, { id }, alice)),
    );
    expect(answers.filter((answer) => answer.status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers) {
      if (answer.status === 'rejected') {
        expect(answer.reason).toMatchObject({ status: 409, code: 'orders.order-not-cancellable' });
      }
    }
  });

  it('refuses, in the database itself, to change how an order ended', async () => {
    const { id } = await place();
    await orders.call(OrdersRpc.cancel, { id }, alice);
    await expect(
      orders.database.query(`UPDATE orders SET status = 'Pending', reason = NULL WHERE id = $1`, [id]),
    ).rejects.toMatchObject({ constraint: 'orders_end_is_final' });
  });
});
