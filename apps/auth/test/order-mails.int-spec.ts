import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream';
import { headers as newHeaders } from '@nats-io/nats-core';
import { type DataOf, DeadLetterRpc, OrderCanceled, OrderConfirmed, OrderCreated } from '@rookery/contracts';
import { JetStreamServer } from '@rookery/messaging';
import { configureLogger, uuidv7 } from '@rookery/platform';
import { eventually, handledEvents, publishEvent, testActor, TestCaller } from '@rookery/testing';
import { AuthUnderTest } from './auth-under-test';
import { MailServer, type ReceivedMail } from './mail-server';

const PASSWORD = 'the-password-of-the-mail-server';
const FROM = 'Rookery <no-reply@rookery.example>';
const ALICE = 'alice@example.com';

/** The events of the orders service. */
class Orders {
  private constructor(
    private readonly auth: AuthUnderTest,
    private readonly manager: JetStreamManager,
  ) {}

  static async of(auth: AuthUnderTest): Promise<Orders> {
    return new Orders(auth, await jetstreamManager(await auth.broker.adminConnection()));
  }

  async subjectOf(username: string): Promise<string> {
    const [row] = await this.auth.database.query<{ id: string }>('SELECT id FROM users WHERE username = $1', [
      username,
    ]);
    if (row === undefined) {
      throw new Error(`there is no ${username}`);
    }
    return row.id;
  }

  async place(customerId: string, time = new Date()): Promise<{ readonly orderId: string; readonly eventId: string }> {
    const orderId = uuidv7();
    const data: DataOf<typeof OrderCreated> = {
      orderId,
      customerId,
      lines: [{ productId: uuidv7(), quantity: 2 }],
      total: { amountMinor: 39_800, currency: 'EUR' },
      sealedPaymentToken: 'sealed-payment-token',
    };
    const eventId = await publishEvent(this.auth.broker, OrderCreated, data, { aggregateId: orderId, time });
    return { orderId, eventId };
  }

  confirm(orderId: string): Promise<string> {
    return publishEvent(this.auth.broker, OrderConfirmed, { orderId }, { aggregateId: orderId, sequence: 2 });
  }

  cancel(orderId: string): Promise<string> {
    const data = { orderId, reason: 'out-of-stock' as const };
    return publishEvent(this.auth.broker, OrderCanceled, data, { aggregateId: orderId, sequence: 2 });
  }

  /** Publishes the latest event of a kind again, so that it is redelivered. */
  async repeat(subject: string): Promise<void> {
    const stored = await this.manager.streams.getMessage('ORDERS', { last_by_subj: subject });
    if (stored === null) {
      throw new Error(`there is no ${subject}`);
    }
    const headers = newHeaders();
    for (const [name, values] of stored.header) {
      if (!name.toLowerCase().startsWith('nats-')) {
        for (const value of values) {
          headers.append(name, value);
        }
      }
    }
    await jetstream(await this.auth.broker.adminConnection()).publish(subject, stored.data, { headers });
  }

  /** Resolves when auth has acknowledged all events. */
  async acked(): Promise<void> {
    await eventually(async () => {
      const { num_pending, num_ack_pending } = await this.manager.consumers.info('ORDERS', 'auth');
      expect([num_pending, num_ack_pending]).toEqual([0, 0]);
    });
  }
}

const count = async (auth: AuthUnderTest, table: 'inbox' | 'notifications'): Promise<number> => {
  const [row] = await auth.database.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`);
  return row?.count ?? 0;
};

describe('auth with a mail server', () => {
  let auth: AuthUnderTest;
  let server: MailServer;
  let orders: Orders;
  let aliceId: string;

  beforeAll(async () => {
    server = await MailServer.start({ login: { user: 'shop', password: PASSWORD } });
    auth = await AuthUnderTest.start({ SMTP_URL: server.url.replace('//', `//shop:${PASSWORD}@`), MAIL_FROM: FROM });
    orders = await Orders.of(auth);
    aliceId = await orders.subjectOf('alice');
  });
  afterAll(async () => {
    await auth.stop();
    await server.goAway();
  });

  const mailsAbout = (orderId: string): readonly ReceivedMail[] =>
    server.mails.filter(({ headers }) => headers.get('subject')?.includes(orderId));
  const metric = async (line: string): Promise<number> => {
    const metrics = await (await fetch(`${auth.issuer}/metrics`)).text();
    const found = metrics.split('\n').find((each) => each.startsWith(`${line} `));
    return Number(found?.slice(line.length) ?? 0);
  };
  const statusesOf = async (orderId: string): Promise<readonly string[]> => {
    const sql = 'SELECT kind, status FROM notifications WHERE order_id = $1 ORDER BY occurred_at, kind DESC';
    const rows = await auth.database.query<{ kind: string; status: string }>(sql, [orderId]);
    return rows.map(({ kind, status }) => `${kind} ${status}`);
  };
  /** The worker's poll then finds it. */
  const dueNow = (orderId: string) =>
    auth.database.query(`UPDATE notifications SET next_attempt_at = now() WHERE order_id = $1 AND status = 'due'`, [
      orderId,
    ]);

  it('handles the events that the contracts declare, and no others', () => {
    const { handled, declared } = handledEvents(auth.app.get(JetStreamServer), 'auth');
    expect(handled).toEqual(declared);
    expect(handled).toEqual(['OrderCreated', 'OrderConfirmed', 'OrderCanceled']);
  });

  it('writes to the customer when an order is placed and when it is confirmed', async () => {
    const { orderId, eventId } = await orders.place(aliceId);
    const confirmation = await orders.confirm(orderId);
    await eventually(() => expect(mailsAbout(orderId)).toHaveLength(2), { timeoutMs: 30_000 });
    const [placed, confirmed] = mailsAbout(orderId);
    for (const mail of [placed, confirmed]) {
      expect(mail).toMatchObject({ from: 'no-reply@rookery.example', to: [ALICE] });
      expect(Object.fromEntries(mail?.headers ?? [])).toMatchObject({
        from: FROM,
        to: ALICE,
        'auto-submitted': 'auto-generated',
      });
      expect(mail?.headers.get('content-type')).toMatch(/^multipart\/alternative;/);
      // In the text and in the HTML.
      expect(mail?.body.match(/398\.00 EUR/g)).toHaveLength(2);
    }
    expect([placed, confirmed].map((mail) => mail?.headers.get('subject'))).toEqual([
      `Your order ${orderId} is placed`,
      `Your order ${orderId} is confirmed`,
    ]);
    expect([placed, confirmed].map((mail) => mail?.headers.get('message-id'))).toEqual([
      `<${eventId}@rookery.example>`,
      `<${confirmation}@rookery.example>`,
    ]);
  });

  it('writes when an order is canceled, with the reason in words', async () => {
    const { orderId } = await orders.place(aliceId);
    await orders.cancel(orderId);
    await eventually(() => expect(mailsAbout(orderId)).toHaveLength(2), { timeoutMs: 30_000 });
    expect(mailsAbout(orderId)[1]?.body).toContain('canceled: an item of your order is out of stock');
  });

  it('sends one mail about an event that is delivered three times', async () => {
    const { orderId } = await orders.place(aliceId);
    await orders.repeat(OrderCreated.subject);
    await orders.repeat(OrderCreated.subject);
    await orders.acked();
    await eventually(async () => expect(await statusesOf(orderId)).toEqual(['placed sent']), { timeoutMs: 30_000 });
    expect(await metric('inbox_duplicates_total')).toBeGreaterThanOrEqual(2);
    expect(mailsAbout(orderId)).toHaveLength(1);
  });

  it('sends no mail about an order of a customer without an account here', async () => {
    const before = await metric('notifications_total{kind="placed",outcome="no-account"}');
    const strangers = ['auth0|5f7c8ec7c33c6c004bbafe82', 'rookery-machine', uuidv7()];
    const asked = server.asked.length;
    for (const stranger of strangers) {
      const { orderId } = await orders.place(stranger);
      await orders.confirm(orderId);
      await orders.acked();
      expect(await statusesOf(orderId)).toEqual([]);
    }
    expect(await metric('notifications_total{kind="placed",outcome="no-account"}')).toBe(before + strangers.length);
    expect(server.asked).toHaveLength(asked);
  });

  it('sends no mail about events of earlier days, which the stream still holds when mails are enabled', async () => {
    const { orderId } = await orders.place(aliceId, new Date(Date.now() - 3 * 86_400_000));
    await orders.acked();
    expect(await statusesOf(orderId)).toEqual([]);
    expect(await metric('notifications_total{kind="placed",outcome="expired"}')).toBe(1);
  });

  it('handles events and stays ready while the mail server is away, and sends the mails when it is back', async () => {
    await server.goAway();
    const { orderId } = await orders.place(aliceId);
    await orders.confirm(orderId);
    await orders.acked();
    await eventually(async () => {
      expect(await metric('notifications_total{kind="placed",outcome="retry"}')).toBeGreaterThan(0);
    });
    expect((await fetch(`${auth.issuer}/readyz`)).status).toBe(200);
    expect(await metric('notifications_due')).toBe(2);
    expect(await metric('notifications_oldest_due_age_seconds')).toBeGreaterThan(0);
    await server.comeBack();
    await eventually(
      async () => {
        await dueNow(orderId);
        expect(mailsAbout(orderId)).toHaveLength(2);
      },
      { timeoutMs: 30_000 },
    );
    await eventually(async () => expect(await statusesOf(orderId)).toEqual(['placed sent', 'confirmed sent']));
  });

  it('gives up on a mail that the server rejects permanently, and counts it', async () => {
    server.refuse('bob@example.com', 550);
    const { orderId } = await orders.place(await orders.subjectOf('bob'));
    await eventually(async () => expect(await statusesOf(orderId)).toEqual(['placed refused']), { timeoutMs: 30_000 });
    expect(await metric('notifications_total{kind="placed",outcome="refused"}')).toBe(1);
    expect(mailsAbout(orderId)).toEqual([]);
  });

  it('dead-letters an event that it cannot parse', async () => {
    const admin = await auth.broker.adminConnection();
    await jetstream(admin).publish(OrderCreated.subject, '{');
    const caller = await TestCaller.connect(auth.broker);
    const actor = testActor({ subject: 'olga', roles: ['operator'], scopes: ['ops:read'] });
    await eventually(async () => {
      const { items } = await caller.call(DeadLetterRpc.auth.list, { after: 0, limit: 10 }, { actor });
      expect(items).toMatchObject([{ consumer: 'auth', originalSubject: OrderCreated.subject }]);
    });
  });

  it('writes no address, password or payment token to its log, whether a mail is sent or not', async () => {
    const lines: string[] = [];
    server.refuse('bob@example.com', 451);
    server.refuse('olga@example.com', 554);
    try {
      configureLogger('auth', 'trace', { write: (line) => void lines.push(line) });
      const people = await Promise.all(['alice', 'bob', 'olga'].map((name) => orders.subjectOf(name)));
      for (const person of people) {
        await orders.place(person);
      }
      const said = ['mail sent', 'could not send a mail', 'gave up on a mail'];
      await eventually(() => expect(said.filter((text) => !lines.join('').includes(text))).toEqual([]), {
        timeoutMs: 30_000,
      });
    } finally {
      configureLogger('auth', 'silent');
    }
    const log = lines.join('');
    expect(log).toContain('"smtpStatus":554');
    for (const secret of ['@example.com', PASSWORD, 'sealed-payment-token', 'is not wanted here', 'Alice']) {
      expect(log).not.toContain(secret);
    }
  });
});

describe('auth without a mail server', () => {
  let auth: AuthUnderTest;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
  });
  afterAll(() => auth.stop());

  it('acknowledges the events of orders, valid or not, and records them as passed without adding mails', async () => {
    const orders = await Orders.of(auth);
    const { orderId } = await orders.place(await orders.subjectOf('alice'));
    await orders.confirm(orderId);
    await jetstream(await auth.broker.adminConnection()).publish(OrderCreated.subject, '{');
    await orders.acked();
    const manager = await jetstreamManager(await auth.broker.adminConnection());
    expect((await manager.consumers.info('ORDERS', 'auth')).ack_floor.stream_seq).toBe(3);
    expect([await count(auth, 'inbox'), await count(auth, 'notifications')]).toEqual([2, 0]);
    expect((await manager.streams.info('DLQ_AUTH')).state.messages).toBe(0);
  });
});
