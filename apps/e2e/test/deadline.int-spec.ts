import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { OrderView, PaymentList, ProductView, Timeline } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { demoPassword, signIn } from '@rookery/devkit/client/sign-in';
import { read, request } from '../src/shop';

describe('an order that payments never answers', () => {
  let stack: TestStack;
  const later: AppProcess[] = [];

  beforeAll(async () => {
    // A stack of its own: the others' orders need payments.
    stack = await startTestStack({ account: 'E2', orderDeadlineSeconds: 2 });
  });

  afterAll(async () => {
    await Promise.all(later.map((process) => process.stop()));
    await stack.stop();
  });

  const tokenOf = async (login: string): Promise<string> =>
    (await signIn({ issuer: stack.authUrl, login, password: demoPassword(login) })).access_token;

  it('is canceled at its deadline, and charged nothing when payments is back', async () => {
    const url = (path: string): string => new URL(path, stack.gatewayUrl).href;
    const [alice, olga] = await Promise.all([tokenOf('alice'), tokenOf('olga')]);
    const product = read(
      ProductView,
      await request('POST', url('/v1/products'), {
        token: olga,
        body: { sku: 'LATE-1', name: 'Wanted late', price: { amountMinor: 500, currency: 'EUR' }, stock: 5 },
      }),
    );

    await stack.app('payments').stop();
    const placed = await request('POST', url('/v1/orders'), {
      token: alice,
      body: { lines: [{ productId: product.id, quantity: 2 }], paymentToken: 'tok_ok' },
      headers: { 'idempotency-key': randomUUID() },
    });
    expect(placed.status).toBe(201);
    const { id } = read(OrderView, placed);
    const order = async (): Promise<OrderView> =>
      read(OrderView, await request('GET', url(`/v1/orders/${id}`), { token: alice }));
    const steps = async (): Promise<readonly string[]> =>
      read(Timeline, await request('GET', url(`/v1/orders/${id}/timeline`), { token: alice })).items.map(
        (step) => step.event,
      );

    await eventually(
      async () => {
        expect(await order()).toMatchObject({ status: 'Canceled', reason: 'deadline-exceeded' });
      },
      { timeoutMs: 20_000 },
    );
    expect(await steps()).toEqual(['OrderCreated', 'OrderCanceled']);

    const payments = new AppProcess('payments', stack.envs.payments, join(stack.folder, 'logs/payments-later.log'));
    later.push(payments);
    await payments.ready();
    // A second order is through when payments has caught up with the first one's events.
    const next = read(
      OrderView,
      await request('POST', url('/v1/orders'), {
        token: alice,
        body: { lines: [{ productId: product.id, quantity: 1 }], paymentToken: 'tok_ok' },
        headers: { 'idempotency-key': randomUUID() },
      }),
    );
    await eventually(
      async () => {
        const answer = await request('GET', url(`/v1/orders/${next.id}`), { token: alice });
        expect(read(OrderView, answer).status).not.toBe('Pending');
      },
      { timeoutMs: 20_000 },
    );
    await eventually(async () => {
      const { items } = read(PaymentList, await request('GET', url(`/v1/payments?orderId=${id}`), { token: alice }));
      expect(items.filter(({ status }) => status === 'Reserved' || status === 'Captured')).toEqual([]);
    });
    expect(await order()).toMatchObject({ status: 'Canceled', reason: 'deadline-exceeded' });
    const { stock } = read(ProductView, await request('GET', url(`/v1/products/${product.id}`)));
    expect(stock.available).toBeGreaterThanOrEqual(4);
  });
});
