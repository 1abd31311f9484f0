import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrderConfirmed, OrderCreated, ProductsRpc } from '@rookery/contracts';
import { migrate } from '@rookery/devkit/stack/app-process';
import { repository } from '@rookery/devkit/stack/repository';
import { uuidv7 } from '@rookery/platform';
import {
  internalKeys,
  publishEvent,
  stubRpc,
  testBroker,
  type TestBroker,
  testDatabase,
  type TestDatabase,
} from '@rookery/testing';

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Env = Readonly<Record<string, string>>;

/** Runs a program without any of the developer's own servers. */
const run = (program: readonly string[], env: Env): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      program,
      { cwd: repository, env: { PATH: process.env['PATH'], ...env } },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });

/** As an operator runs them in the cluster: the bundles of the images, with settings from the environment alone. */
describe('the jobs of the services', () => {
  let database: TestDatabase;

  beforeAll(async () => {
    database = await testDatabase('jobs');
    await migrate('orders', { DATABASE_URL: database.url });
  });
  afterAll(() => database.drop());

  describe('republish', () => {
    /** How many hours ago each event happened that waits for the broker. */
    const waiting = async (): Promise<readonly number[]> => {
      const sql = 'SELECT sequence FROM outbox WHERE published_at IS NULL ORDER BY sequence';
      return (await database.query<{ sequence: number }>(sql)).map(({ sequence }) => sequence);
    };
    const republish = (env: Env = {}): Promise<Outcome> =>
      run(['dist/apps/orders/jobs/republish.js'], { DATABASE_URL: database.url, ...env });

    beforeEach(async () => {
      await database.query('TRUNCATE outbox');
      await database.query(`
        INSERT INTO outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data,
                            occurred_at, published_at)
        SELECT gen_random_uuid(), 'OrderCreated', 1, 'orders', 'events.orders.order.order-created.v1', gen_random_uuid(),
               hours, 'c', '{}', now() - make_interval(hours => hours), now()
        FROM unnest(ARRAY[1, 3, 5, 30]) AS hours`);
    });

    it('marks the events since a time as unpublished, and prints how many', async () => {
      const { code, stdout } = await republish({ REPUBLISH_SINCE: '4h' });
      expect(stdout).toMatch(/^orders: 2 events since \S+Z will be published again\n.*outbox_unpublished_events.*\n$/);
      expect(code).toBe(0);
      expect(await waiting()).toEqual([1, 3]);
    });

    it('marks the events of the last day by default', async () => {
      expect(await republish()).toMatchObject({ code: 0 });
      expect(await waiting()).toEqual([1, 3, 5]);
    });

    const bad: readonly [string, Env, RegExp][] = [
      ['no time', { REPUBLISH_SINCE: 'soon' }, /"soon" is not a time/],
      ['a time in the future', { REPUBLISH_SINCE: '2999-01-01T00:00:00Z' }, /is in the future/],
      ['no database', { DATABASE_URL: '' }, /DATABASE_URL +is missing/],
      ['a database that is away', { DATABASE_URL: 'postgres://orders:hunter2@127.0.0.1:1/orders' }, /127\.0\.0\.1:1/],
    ];
    it.each(bad)('exits with 1, a clear message and no change when given %s', async (_, env, message) => {
      const { code, stdout, stderr } = await republish(env);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/hunter2|^\s+at /m);
      expect([code, stdout, await waiting()]).toEqual([1, '', []]);
    });

    describe('as a command on the stack of a data folder', () => {
      let folder: string;
      beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), 'rookery-republish-'));
        mkdirSync(join(folder, 'env'));
        writeFileSync(join(folder, 'env/orders.env'), `PORT=1\nDATABASE_URL=${database.url}\n`);
      });
      afterEach(() => rmSync(folder, { recursive: true }));
      const local = (...args: readonly string[]): Promise<Outcome> =>
        run(['--import', 'tsx', 'tools/cli/main.ts', 'events', 'republish', ...args], { ROOKERY_DATA_DIR: folder });

      it('works on the database of the named service', async () => {
        const { code, stdout } = await local('--service', 'orders', '--since', '2h');
        expect(stdout).toMatch(/^orders: 1 events since/);
        expect([code, await waiting()]).toEqual([0, [1]]);
      });

      it('changes nothing when one database is unknown', async () => {
        const { code, stderr } = await local('--service', 'all', '--since', '2h');
        expect(stderr).toMatch(/neither DATABASE_URL_PAYMENTS nor .*payments\.env/);
        expect([code, await waiting()]).toEqual([1, []]);
      });
    });
  });

  describe('recover', () => {
    let broker: TestBroker;
    let env: Env;
    const productId = uuidv7();

    beforeAll(async () => {
      const keys = await internalKeys();
      broker = await testBroker();
      env = {
        ...broker.envOf('admin'),
        DATABASE_URL: database.url,
        INTERNAL_SIGNING_KEY: keys.signingKeySettingOf('orders'),
        LOG_LEVEL: 'silent',
      };
      await stubRpc(broker, ProductsRpc.quote, () => ({
        quotes: [{ productId, sku: 'EGG-1', name: 'Egg', unitPrice: { amountMinor: 250, currency: 'EUR' } }],
      }));
    });
    afterAll(() => broker.close());

    it('restores the orders that the stream knows, and has every event delivered again', async () => {
      const orderId = uuidv7();
      const data = {
        orderId,
        customerId: 'alice',
        lines: [{ productId, quantity: 2 }],
        total: { amountMinor: 500, currency: 'EUR' },
        sealedPaymentToken: 'sealed',
      };
      await publishEvent(broker, OrderCreated, data, { aggregateId: orderId });
      await publishEvent(broker, OrderConfirmed, { orderId }, { aggregateId: orderId, sequence: 2 });
      const { code, stdout, stderr } = await run(['dist/apps/orders/jobs/recover.js'], env);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toBe(
        'orders: 1 restored from the stream, 1 ended\norders receives at its next start: PAYMENTS, PRODUCTS\n',
      );
      expect(await database.query('SELECT status FROM orders WHERE id = $1', [orderId])).toEqual([
        { status: 'Confirmed' },
      ]);
    });

    it('needs no database for a service that has nothing in its stream to restore from', async () => {
      const { code, stdout } = await run(['dist/apps/auth/jobs/recover.js'], broker.envOf('admin'));
      expect([code, stdout]).toEqual([0, 'auth receives at its next start: ORDERS\n']);
    });

    it('exits with 1 and names the setting when its key is not the admin’s', async () => {
      const { code, stdout, stderr } = await run(['dist/apps/payments/jobs/recover.js'], {
        ...broker.envOf('payments'),
        LOG_LEVEL: 'silent',
      });
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/^payments was not recovered: .*Is NATS_NKEY_SEED the seed of the account’s admin\?\n$/);
      expect(stderr).not.toMatch(/^\s+at /m);
    });
  });
});
