import { join } from 'node:path';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { eventually } from '@rookery/testing';

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

  it('is canceled at its deadline, and charged nothing when payments is back', async () => {
    const [alice, olga] = await Promise.all([ApiClient.signIn(stack, 'alice'), ApiClient.signIn(stack, 'olga')]);
    const product = await olga.addProduct({ stock: 5 });

    await stack.app('payments').stop();
    const { id } = await alice.buy(product.id, 2);
    expect(await alice.ended(id)).toMatchObject({ status: 'Canceled', reason: 'deadline-exceeded' });
    expect(await alice.timeline(id)).toEqual(['OrderCreated', 'OrderCanceled']);

    const payments = new AppProcess('payments', stack.envs.payments, join(stack.folder, 'logs/payments-later.log'));
    later.push(payments);
    await payments.ready();
    // A second order ends only after payments has caught up with the first one's events.
    await alice.ended((await alice.buy(product.id, 1)).id);
    await eventually(async () => {
      const { items } = await alice.payments(id);
      expect(items.filter(({ status }) => status === 'Reserved' || status === 'Captured')).toEqual([]);
    });
    expect(await alice.order(id)).toMatchObject({ status: 'Canceled', reason: 'deadline-exceeded' });
    expect((await alice.product(product.id)).stock.available).toBeGreaterThanOrEqual(4);
  });
});
