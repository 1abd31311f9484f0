import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOutboxAndInbox } from '@rookery/persistence';
import { testDatabase, type TestDatabase } from '@rookery/testing';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { repository } from '@rookery/devkit/stack/repository';

class CreateOutbox1700000000000 implements MigrationInterface {
  readonly up = (runner: QueryRunner): Promise<void> => createOutboxAndInbox(runner);
  readonly down = (): Promise<void> => Promise.resolve();
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('npx rookery events republish', () => {
  let database: TestDatabase;
  let folder: string;

  /** Runs the program on an environment without any of the developer's own servers. */
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> => {
    const without = { DATABASE_URL_PRODUCTS: '', DATABASE_URL_ORDERS: '', DATABASE_URL_PAYMENTS: '' };
    const program = ['--import', 'tsx', 'tools/ops/outbox-republish.ts', ...args];
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        program,
        { cwd: repository, env: { ...process.env, NODE_OPTIONS: '', ...without, ROOKERY_DATA_DIR: folder, ...env } },
        (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
  };

  /** How many hours ago each event happened that waits for the broker. */
  const waiting = async (): Promise<readonly number[]> =>
    (
      await database.query<{ sequence: number }>(
        'SELECT sequence FROM outbox WHERE published_at IS NULL ORDER BY sequence',
      )
    ).map(({ sequence }) => sequence);

  beforeAll(async () => {
    database = await testDatabase('republish', { migrations: [CreateOutbox1700000000000] });
  });
  afterAll(() => database.drop());

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-republish-'));
    await database.query('TRUNCATE outbox');
    await database.query(`
      INSERT INTO outbox (event_id, name, version, source, subject, aggregate_id, sequence, correlation_id, data,
                          occurred_at, published_at)
      SELECT gen_random_uuid(), 'OrderCreated', 1, 'orders', 'events.orders.order.order-created.v1', gen_random_uuid(),
             hours, 'c', '{}', now() - make_interval(hours => hours), now()
      FROM unnest(ARRAY[1, 3, 5]) AS hours`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('marks the events since then unpublished, and says how many', async () => {
    const { code, stdout } = await run(['--service', 'orders', '--since', '4h'], { DATABASE_URL_ORDERS: database.url });
    expect(stdout).toMatch(/^orders: 2 events since \S+Z will be published again\n.*outbox_unpublished_events.*\n$/);
    expect(code).toBe(0);
    expect(await waiting()).toEqual([1, 3]);
  });

  it('takes the database of the stack on this data folder, and every producer by `all`', async () => {
    mkdirSync(join(folder, 'env'));
    for (const service of ['products', 'orders', 'payments']) {
      writeFileSync(join(folder, `env/${service}.env`), `PORT=1\nDATABASE_URL=${database.url}\n`);
    }
    const { stdout } = await run(['--service', 'all', '--since', '1d']);
    expect(stdout.match(/^\w+: \d+/gm)).toEqual(['orders: 3', 'payments: 0', 'products: 0']);
    expect(await waiting()).toEqual([1, 3, 5]);
  });

  const bad: readonly [string, readonly string[], RegExp][] = [
    ['nothing', [], /--service and --since are required/],
    ['a service that publishes nothing', ['--service', 'auth', '--since', '1h'], /"auth" publishes no events/],
    ['no time', ['--service', 'orders', '--since', 'soon'], /"soon" is not a time/],
    ['an unknown option', ['--all'], /--all/],
    ['no database', ['--service', 'orders', '--since', '1h'], /neither DATABASE_URL_ORDERS nor .*orders\.env/],
  ];
  it.each(bad)('ends with exit code 1, one clear message and no change when given %s', async (_, args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(await waiting()).toEqual([]);
  });

  it('says so when the database cannot be reached', async () => {
    const url = 'postgres://orders:hunter2@127.0.0.1:1/orders';
    const { code, stderr } = await run(['--service', 'orders', '--since', '1h'], { DATABASE_URL_ORDERS: url });
    expect(stderr).toMatch(/127\.0\.0\.1:1/);
    expect(stderr).not.toMatch(/hunter2|^\s+at /m);
    expect(code).toBe(1);
  });
});
