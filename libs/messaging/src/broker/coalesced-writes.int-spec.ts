import { Socket } from 'node:net';
import { orderNotificationSubject } from '@rookery/contracts';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { testBroker, type TestBroker } from '@rookery/testing';
import { Nats } from './nats';

configureLogger('test', 'silent');

const MESSAGES = 100;

describe('a connection to the broker', () => {
  let broker: TestBroker;
  let sender: Nats;
  let receiver: Nats;

  beforeAll(async () => {
    broker = await testBroker();
    sender = await Nats.connect(broker.loginOf('orders'));
    receiver = await broker.connect('gateway');
  });
  afterAll(async () => {
    await sender.close();
    await broker.close();
  });

  /** Counts what is written to any socket while the work runs. */
  async function writesDuring(work: () => Promise<void>): Promise<number> {
    const { prototype } = Socket;
    const write = Object.getOwnPropertyDescriptor(prototype, '_writeGeneric');
    const original: unknown = write?.value;
    if (write === undefined || typeof original !== 'function') {
      throw new Error('this Node writes to sockets in another way');
    }
    let writes = 0;
    Object.defineProperty(prototype, '_writeGeneric', {
      ...write,
      value(this: Socket, ...args: readonly unknown[]): unknown {
        writes += 1;
        return Reflect.apply(original, this, [...args]);
      },
    });
    try {
      await work();
    } finally {
      Object.defineProperty(prototype, '_writeGeneric', write);
    }
    return writes;
  }

  it('writes once what many callers send in one turn, in their order', async () => {
    const ids = Array.from({ length: MESSAGES }, () => uuidv7());
    const received: string[] = [];
    const subscription = receiver.connection.subscribe(orderNotificationSubject('*'), {
      callback: (_, { subject }) => void received.push(subject),
    });
    await receiver.connection.flush();
    await sender.connection.flush();

    const writes = await writesDuring(async () => {
      for (const id of ids) {
        // As callers that have awaited something each.
        await Promise.resolve();
        sender.notify(orderNotificationSubject(id));
      }
      await sender.connection.flush();
    });

    await receiver.connection.flush();
    expect(received).toEqual(ids.map((id) => orderNotificationSubject(id)));
    expect(writes).toBeLessThan(MESSAGES / 10);
    subscription.unsubscribe();
  });
});
