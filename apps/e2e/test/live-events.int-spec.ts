import { TimelineEntry } from '@rookery/contracts';
import { type ApiClient, clientOf } from '../src/client';
import { liveEvents } from '../src/live-events';
import { tokenOf } from '../src/tokens';

describe('the live events of an order', () => {
  let alice: ApiClient;
  let productId: string;

  beforeAll(async () => {
    alice = clientOf(await tokenOf('alice'));
    productId = (await clientOf(await tokenOf('olga')).addProduct()).id;
  });

  it('tell each step as it happens and end when the order has ended', async () => {
    const order = await alice.buy(productId, 1, 'tok_slow');
    const events = await liveEvents(alice.token, order.id);
    expect(events.map((event) => event.event)).toEqual([
      'OrderCreated',
      'PaymentReserved',
      'StockReserved',
      'OrderConfirmed',
      'end',
    ]);
    const entries = events.slice(0, -1).map((event) => TimelineEntry.parse(JSON.parse(event.data)));
    expect(entries.map((entry) => entry.event)).toEqual(events.slice(0, -1).map((event) => event.event));
    expect(new Set(entries.map((entry) => entry.traceId)).size).toBe(1);
  });

  it('go on after the last event a client has seen', async () => {
    const order = await alice.buy(productId, 1, 'tok_slow');
    const [first] = await liveEvents(alice.token, order.id, { limit: 1 });
    expect(first?.event).toBe('OrderCreated');
    const rest = await liveEvents(alice.token, order.id, { lastEventId: first?.id ?? '' });
    expect(rest.map((event) => event.event)).toEqual(['PaymentReserved', 'StockReserved', 'OrderConfirmed', 'end']);
  });

  it('are told whole for an order that has ended already', async () => {
    const order = await alice.buy(productId, 1, 'tok_declined');
    await alice.ended(order.id);
    const events = await liveEvents(alice.token, order.id);
    expect(events.map((event) => event.event)).toEqual(['OrderCreated', 'PaymentFailed', 'OrderCanceled', 'end']);
  });
});
