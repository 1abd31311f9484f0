import { orderNotificationSubject } from '@rookery/contracts';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { eventually, FaultyLink, testBroker, type TestBroker } from '@rookery/testing';
import { Nats } from './nats';

configureLogger('test', 'silent');

describe('a change notification', () => {
  let broker: TestBroker;
  let link: FaultyLink;
  let orders: Nats;

  beforeAll(async () => {
    broker = await testBroker();
    link = await FaultyLink.to(broker.url);
    orders = await Nats.connect({ ...broker.loginOf('orders'), url: link.url });
  });
  afterAll(async () => {
    await orders.close();
    await link.close();
    await broker.close();
  });

  it('is dropped while the connection is down, and sent again afterwards', async () => {
    const told: string[] = [];
    const gateway = await broker.connect('gateway');
    gateway.connection.subscribe(orderNotificationSubject('*'), {
      callback: (_, { subject }) => void told.push(subject),
    });
    await gateway.connection.flush();
    const [during, after] = [orderNotificationSubject(uuidv7()), orderNotificationSubject(uuidv7())];

    await link.cut();
    await eventually(() => expect(orders.connected).toBe(false));
    // The client discards its buffer at the start of each attempt to connect, and sends what came into it during the attempt.
    link.slow(100);
    await link.mend();
    const notifiedUntilConnected = (): void => {
      if (!orders.connected) {
        orders.notify(during);
        throw new Error('not connected yet');
      }
    };
    await eventually(notifiedUntilConnected, { intervalMs: 10 });
    orders.notify(after);

    // The broker passes on one connection's messages in their order.
    await eventually(() => expect(told).toContain(after));
    expect(told).toEqual([after]);
  });
});
