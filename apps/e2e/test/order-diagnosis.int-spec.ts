import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { DeadLetterReplay, OrderDiagnosis, OrderView, ProductView } from '@rookery/contracts';
import { tokenOf } from '@rookery/devkit/client/api-client';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { eventually } from '@rookery/testing';
import { type Answer, read, request } from '../src/client';
import { stepsAfterConfirmation, stepsToConfirmation } from '../src/order-steps';

describe('what an order waits for', () => {
  let stack: TestStack;
  let products: Client;
  let alice: string;
  let olga: string;
  let productId: string;
  const later: AppProcess[] = [];

  beforeAll(async () => {
    // A stack of its own: the others' orders need payments. Nothing here waits for the deadline.
    stack = await startTestStack({ account: 'E5', orderDeadlineSeconds: 600 });
    products = new Client({ connectionString: stack.infrastructure.databases.products });
    [alice, olga] = await Promise.all([
      tokenOf(stack.authUrl, 'alice'),
      tokenOf(stack.authUrl, 'olga'),
      products.connect(),
    ]);
    const product = { sku: 'STUCK-1', name: 'Wanted', price: { amountMinor: 500, currency: 'EUR' }, stock: 50 };
    productId = read(ProductView, await ask('POST', '/v1/products', olga, product)).id;
  });
  afterAll(async () => {
    await Promise.all([products.end(), ...later.map((process) => process.stop())]);
    await stack.stop();
  });

  const ask = (method: string, path: string, token: string, body?: unknown): Promise<Answer> =>
    request(method, new URL(path, stack.gatewayUrl).href, {
      token,
      body,
      headers: { 'idempotency-key': randomUUID() },
    });
  const place = async (): Promise<string> => {
    const order = { lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' };
    return read(OrderView, await ask('POST', '/v1/orders', alice, order)).id;
  };
  const diagnosisOf = async (id: string): Promise<OrderDiagnosis> =>
    read(OrderDiagnosis, await ask('GET', `/v1/ops/orders/${id}`, olga));
  const waitsUntil = (id: string, sentence: RegExp): Promise<OrderDiagnosis> =>
    eventually(
      async () => {
        const diagnosis = await diagnosisOf(id);
        expect(diagnosis.waitsFor).toMatch(sentence);
        return diagnosis;
      },
      { timeoutMs: 20_000 },
    );

  it('is nothing once it is confirmed and paid, and every step is told with who has taken it', async () => {
    const id = await place();
    await waitsUntil(id, /^nothing: Confirmed at /);
    // While it moved, an inbox may not have been asked about the newest event; now everything is at rest.
    const { order, payment, reservation, timeline, services, deadLetters } = await diagnosisOf(id);
    expect(order).toMatchObject({ status: 'Confirmed' });
    expect(payment).toMatchObject({ status: 'Captured', operation: null });
    expect(payment?.attempts.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ['authorize', 'authorized'],
      ['capture', 'captured'],
    ]);
    expect(reservation).toMatchObject({ status: 'Shipped' });
    expect(services.every(({ answered }) => answered)).toBe(true);
    expect(deadLetters).toEqual({ items: [], complete: true });
    const events = timeline.map(({ event }) => event);
    expect(events.slice(0, stepsToConfirmation.length)).toEqual(stepsToConfirmation);
    expect(events.slice(stepsToConfirmation.length).toSorted()).toEqual(stepsAfterConfirmation);
    for (const { eventId, publishedAt, traceId, consumers } of timeline) {
      expect([eventId, publishedAt, traceId]).not.toContain(null);
      for (const { state, at } of consumers) {
        expect([state, at]).toEqual(['taken', expect.any(String)]);
      }
    }
    const created = timeline[0]?.eventId;
    expect(timeline[1]).toMatchObject({ event: 'PaymentReserved', causationId: created });
  });

  it('is told to no customer, not even of his own order', async () => {
    const id = await place();
    const answer = await ask('GET', `/v1/ops/orders/${id}`, alice);
    expect(answer.status).toBe(403);
    expect(answer.text).not.toContain('OrderCreated');
    expect((await ask('GET', `/v1/ops/orders/${randomUUID()}`, olga)).status).toBe(404);
  });

  it('is the service that is down, then the event that another set aside, then nothing after both are mended', async () => {
    await stack.app('payments').stop();
    const id = await place();
    const { order, payment, reservation } = await waitsUntil(
      id,
      /^payments is not answering: whether it has taken OrderCreated \(published \d+ s ago\) is unknown$/,
    );
    expect([order?.status, payment, reservation?.status]).toEqual(['Pending', null, 'Awaiting']);

    // Something that cannot be true: products will not take the cancellation.
    await products.query(`UPDATE reservations SET status = 'Shipped' WHERE id = $1`, [id]);
    expect((await ask('POST', `/v1/orders/${id}/cancellations`, alice)).status).toBe(202);
    const { deadLetters, timeline } = await waitsUntil(
      id,
      /^products set OrderCanceled aside as a dead letter \(permanent-failure, attempts: 1\) \d+ s ago: operator dead-letters replay products-\d+; payments is not answering$/,
    );
    const [letter] = deadLetters.items;
    expect(letter).toMatchObject({ consumer: 'products', event: 'OrderCanceled', reason: 'permanent-failure' });
    expect(timeline.find(({ event }) => event === 'OrderCanceled')?.consumers).toMatchObject([
      { service: 'payments', state: 'unknown' },
      { service: 'products', state: 'dead-letter' },
    ]);

    await products.query(`UPDATE reservations SET status = 'Awaiting' WHERE id = $1`, [id]);
    const replay = await ask('POST', `/v1/ops/dead-letters/${letter?.id}/replays`, olga);
    expect(read(DeadLetterReplay, replay)).toMatchObject({ outcome: 'handled' });
    await waitsUntil(id, /^payments is not answering: whether it has taken OrderCanceled \(.*\) is unknown$/);

    const payments = new AppProcess('payments', stack.envs.payments, join(stack.folder, 'logs/payments-later.log'));
    later.push(payments);
    await payments.ready();
    await waitsUntil(id, /^nothing: Canceled \(customer-request\) at /);
  });
});
