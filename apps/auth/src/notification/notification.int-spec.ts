import type { DataSource } from 'typeorm';
import type { EventOf, OrderCreated } from '@rookery/contracts';
import { connect } from '@rookery/persistence';
import { configureLogger, Metrics, uuidv7 } from '@rookery/platform';
import { testDatabase, type TestDatabase, withWallClockAhead } from '@rookery/testing';
import { MailServer } from '../../test/mail-server';
import { authDatabase } from '../data-source';
import { Mailer } from './mailer';
import { NotificationMetrics } from './notification.metrics';
import { NotificationRepository } from './notification.repository';
import { NotificationWorker } from './notification.worker';
import type { OrderNews } from './order-mail';
import { smtpServerSetting } from './smtp-setting';

const HOUR_MS = 3_600_000;
const from = { name: 'Rookery', address: 'no-reply@rookery.example' };
const confirmed: OrderNews = { kind: 'confirmed', reason: null };

describe('a mail that is due', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let server: MailServer;
  let notifications: NotificationRepository;

  beforeAll(async () => {
    configureLogger('auth', 'silent');
    database = await testDatabase('auth', authDatabase({ DATABASE_URL: '', DATABASE_POOL_SIZE: 1 }));
    dataSource = await connect(authDatabase({ DATABASE_URL: database.url, DATABASE_POOL_SIZE: 5 }));
    notifications = new NotificationRepository(dataSource);
    server = await MailServer.start();
  });
  beforeEach(async () => {
    await database.resetClock();
    await database.query('TRUNCATE notifications');
  });
  afterAll(async () => {
    await server.goAway();
    await dataSource.destroy();
    await database.drop();
  });

  const workerTo = (url: string): NotificationWorker => {
    const metrics = new NotificationMetrics(new Metrics(), notifications);
    return new NotificationWorker(notifications, new Mailer(smtpServerSetting.parse(url), from), metrics);
  };
  /** Sends due mails until none is left. */
  const sendAll = async (url = server.url): Promise<void> => {
    const worker = workerTo(url);
    while ((await worker.sendDue()) > 0) {}
  };

  const customer = async (): Promise<{ readonly id: string; readonly email: string }> => {
    const id = uuidv7();
    const email = `${id}@example.com`;
    await database.query(
      `INSERT INTO users (id, email, name, password_hash, roles, created_at) VALUES ($1, $2, 'Wren', 'x', '{customer}', now())`,
      [id, email],
    );
    return { id, email };
  };

  const created = (customerId: string): EventOf<typeof OrderCreated> => {
    const orderId = uuidv7();
    return {
      ...{ id: uuidv7(), name: 'OrderCreated', version: 1, source: 'orders', aggregateId: orderId, sequence: 1 },
      ...{ time: new Date().toISOString(), correlationId: uuidv7(), causationId: null, traceparent: null },
      ...{ attempt: 1, skipsGap: false },
      data: {
        ...{ orderId, customerId, lines: [], sealedPaymentToken: 'sealed' },
        total: { amountMinor: 1250, currency: 'EUR' },
      },
    };
  };
  const place = async (customerId: string): Promise<string> => {
    const event = created(customerId);
    expect(await notifications.addPlaced(dataSource.manager, event)).toBe(true);
    return event.data.orderId;
  };
  const confirm = (orderId: string): Promise<boolean> => {
    const facts = { id: uuidv7(), time: new Date().toISOString(), correlationId: uuidv7() };
    return notifications.addEnded(dataSource.manager, facts, orderId, confirmed);
  };
  const statesOf = async (orderId: string): Promise<readonly string[]> => {
    const sql = 'SELECT kind, status, attempts FROM notifications WHERE order_id = $1 ORDER BY kind DESC';
    const rows = await database.query<{ kind: string; status: string; attempts: number }>(sql, [orderId]);
    return rows.map(({ kind, status, attempts }) => `${kind} ${status} ${attempts}`);
  };

  it('is sent by one of several parallel workers', async () => {
    const { id, email } = await customer();
    for (let order = 0; order < 6; order += 1) {
      await place(id);
    }
    const took = await Promise.all([1, 2, 3].map(() => workerTo(server.url).sendDue()));
    expect(took.reduce((sum, count) => sum + count, 0)).toBe(6);
    expect(server.mailsTo(email)).toHaveLength(6);
  });

  it('is added once per kind and order, even under another event id', async () => {
    const { id, email } = await customer();
    const event = created(id);
    const add = (eventId: string) => notifications.addPlaced(dataSource.manager, { ...event, id: eventId });
    expect([await add(event.id), await add(event.id), await add(uuidv7())]).toEqual([true, false, false]);
    await sendAll();
    expect(server.mailsTo(email)).toHaveLength(1);
  });

  it('is claimed again, under the same id, after its worker died', async () => {
    const { id, email } = await customer();
    const orderId = await place(id);
    const [lost] = await notifications.claim(1, 60_000);
    await sendAll();
    expect(server.mailsTo(email)).toEqual([]);
    await database.advanceClock(61_000);
    await sendAll();
    expect(server.mailsTo(email).map(({ headers }) => headers.get('message-id'))).toEqual([
      `<${lost?.id}@rookery.example>`,
    ]);
    expect(await statesOf(orderId)).toEqual(['placed sent 2']);
  });

  it('is retried with growing waits while the server is away, and sent when it is back', async () => {
    const { id, email } = await customer();
    const orderId = await place(id);
    await server.goAway();
    await sendAll();
    expect(await statesOf(orderId)).toEqual(['placed due 1']);
    await database.advanceClock(4_000);
    await sendAll();
    expect(await statesOf(orderId)).toEqual(['placed due 1']);
    await database.advanceClock(3_000);
    await sendAll();
    expect(await statesOf(orderId)).toEqual(['placed due 2']);
    await server.comeBack();
    await database.advanceClock(HOUR_MS);
    await sendAll();
    expect(await statesOf(orderId)).toEqual(['placed sent 3']);
    expect(server.mailsTo(email)).toHaveLength(1);
  });

  it.each([70_000, -10_000])('is due by the database’s clock, for a process that is %i ms ahead', async (ms) => {
    const { id } = await customer();
    const orderId = await place(id);
    await server.goAway();
    await sendAll();
    await server.comeBack();
    await withWallClockAhead(ms, () => sendAll());
    expect(await statesOf(orderId)).toEqual(['placed due 1']);
    await database.advanceClock(7_000);
    await withWallClockAhead(ms, () => sendAll());
    expect(await statesOf(orderId)).toEqual(['placed sent 2']);
  });

  it('about the placement of an order comes before the one about its end', async () => {
    const { id, email } = await customer();
    const orderId = await place(id);
    server.refuse(email, 451);
    await sendAll();
    server.refuse(email, undefined);
    await confirm(orderId);
    await sendAll();
    expect(await statesOf(orderId)).toEqual(['placed due 1', 'confirmed due 0']);
    await database.advanceClock(HOUR_MS);
    await sendAll();
    expect(server.mailsTo(email).map(({ headers }) => headers.get('subject'))).toEqual([
      `Your order ${orderId} is placed`,
      `Your order ${orderId} is confirmed`,
    ]);
  });

  it('is given up immediately when the server rejects it permanently, and the next one is tried', async () => {
    const { id, email } = await customer();
    const orderId = await place(id);
    await confirm(orderId);
    server.refuse(email, 550);
    await sendAll();
    expect(await statesOf(orderId)).toEqual(['placed refused 1', 'confirmed refused 1']);
    await database.advanceClock(HOUR_MS);
    server.refuse(email, undefined);
    await sendAll();
    expect(server.mailsTo(email)).toEqual([]);
  });

  it('is given up after a day', async () => {
    const { id, email } = await customer();
    const orderId = await place(id);
    server.refuse(email, 451);
    await sendAll();
    await database.advanceClock(25 * HOUR_MS);
    server.refuse(email, undefined);
    await sendAll();
    expect(await statesOf(orderId)).toEqual(['placed expired 2']);
    expect(server.mailsTo(email)).toEqual([]);
  });

  it('is not given up because of a wrong log-in, which can be corrected', async () => {
    const strict = await MailServer.start({ login: { user: 'shop', password: 'right' } });
    try {
      const { id, email } = await customer();
      const orderId = await place(id);
      const urlWith = (password: string): string => strict.url.replace('//', `//shop:${password}@`);
      await sendAll(urlWith('wrong'));
      expect(await statesOf(orderId)).toEqual(['placed due 1']);
      await database.advanceClock(HOUR_MS);
      await sendAll(urlWith('right'));
      expect(strict.mailsTo(email)).toHaveLength(1);
    } finally {
      await strict.goAway();
    }
  });

  it('is not sent unencrypted if encryption is required', async () => {
    const { id, email } = await customer();
    const orderId = await place(id);
    await sendAll(`${server.url}?requireTLS=true`);
    expect(await statesOf(orderId)).toEqual(['placed due 1']);
    expect(server.asked).not.toContain(email);
  });

  it('goes to the customer’s address at the time of sending, and to no disabled account', async () => {
    const [moved, left] = [await customer(), await customer()];
    const [ofMoved, ofLeft] = [await place(moved.id), await place(left.id)];
    await database.query('UPDATE users SET email = $2 WHERE id = $1', [moved.id, `new-${moved.email}`]);
    await database.query('UPDATE users SET disabled = true WHERE id = $1', [left.id]);
    await sendAll();
    expect([server.mailsTo(moved.email), server.mailsTo(`new-${moved.email}`)]).toMatchObject([[], [{}]]);
    expect([await statesOf(ofMoved), await statesOf(ofLeft)]).toEqual([['placed sent 1'], ['placed no-account 1']]);
    expect(server.asked).not.toContain(left.email);
  });

  it('is deleted together with the account', async () => {
    const { id } = await customer();
    const orderId = await place(id);
    await database.query('DELETE FROM users WHERE id = $1', [id]);
    expect(await statesOf(orderId)).toEqual([]);
  });

  it('is stored as long as its event can be redelivered, and no longer', async () => {
    const { id } = await customer();
    const orderId = await place(id);
    await database.advanceClock(8 * 24 * HOUR_MS);
    await notifications.deleteExpired();
    expect(await statesOf(orderId)).toHaveLength(1);
    await database.advanceClock(2 * 24 * HOUR_MS);
    await notifications.deleteExpired();
    expect(await statesOf(orderId)).toEqual([]);
  });

  it.each([
    'a@example.com\r\nbcc: b@example.com',
    'a@example.com, b@example.com',
    'a@example.com> rcpt to:<b@example.com',
  ])('has no other recipient and no extra header through an address such as %j', async (address) => {
    const { id } = await customer();
    const orderId = await place(id);
    await database.query('UPDATE users SET email = $2 WHERE id = $1', [id, address]);
    const before = server.mails.length;
    await sendAll();
    expect(server.asked.filter((asked) => asked === 'b@example.com')).toEqual([]);
    expect(server.mails.slice(before).filter(({ headers }) => headers.has('bcc'))).toEqual([]);
    expect((await statesOf(orderId)).join()).toMatch(/^placed (due|sent|refused) 1$/);
    await database.query('DELETE FROM users WHERE id = $1', [id]);
  });
});
