import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { OrderView, type ProductView } from '@rookery/contracts';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { repository } from '@rookery/devkit/stack/repository';
import { eventually } from '@rookery/testing';
import { ApiClient, read } from '../src/client';
import { Databases } from '../src/databases';
import { plantDifferences } from '../src/planted-differences';

/** Short, so that orders settle while the spec runs; longer than an order is on its way on a busy machine. */
const SETTLING_SECONDS = 8;
const BUYERS = 6;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('operator reconcile', () => {
  let stack: TestStack;
  let databases: Databases;
  let olga: ApiClient;
  let alice: ApiClient;
  let plenty: ProductView;
  let scarce: ProductView;
  let buying = true;
  let buyers: readonly Promise<void>[] = [];

  beforeAll(async () => {
    // A stack of its own: others plant in theirs what this would find.
    stack = await startTestStack({
      account: 'E6',
      orderDeadlineSeconds: 5,
      extra: {
        orders: {
          RECONCILIATION_SETTLING_SECONDS: String(SETTLING_SECONDS),
          RECONCILIATION_INTERVAL_SECONDS: '5',
        },
      },
    });
    databases = new Databases(stack.infrastructure.databases);
    [alice, olga] = await Promise.all([ApiClient.signIn(stack, 'alice'), ApiClient.signIn(stack, 'olga')]);
    plenty = await olga.addProduct({ stock: 1_000_000 });
    scarce = await olga.addProduct({ stock: 10 });
  });
  afterAll(async () => {
    buying = false;
    await Promise.all(buyers);
    await databases.close();
    await stack.stop();
  });

  /** As an operator runs it: the built program, with the gateway's address and a token. */
  const reconcile = (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Outcome> => {
    const program = ['dist/apps/operator/main.js', 'reconcile', ...args];
    const addresses = { GATEWAY_URL: stack.gatewayUrl, ROOKERY_TOKEN: olga.token };
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        program,
        { cwd: repository, env: { ...process.env, NODE_OPTIONS: '', ...addresses, ...env } },
        (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
  };
  const expectEnd = ({ code, stdout, stderr }: Outcome, expected: number, saying: string): void => {
    expect(`${stdout}${stderr}`).toContain(saying);
    expect(code).toBe(expected);
  };
  const comparedIn = ({ stdout }: Outcome): number => Number(/^Compared (\d+) orders/m.exec(stdout)?.[1]);

  const metric = async (name: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${stack.envs.orders['PORT']}/metrics`);
    const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  };

  /** Repeats when the machine is overloaded, and while the first attempt is in progress, as customers do. */
  const place = async (productId: string, quantity: number, paymentToken: string): Promise<OrderView> => {
    const key = randomUUID();
    const placing = () => alice.place({ lines: [{ productId, quantity }], paymentToken }, key);
    let answer = await placing();
    while (answer.status === 409 || answer.status >= 503) {
      await setTimeout(1_000 * Number(answer.headers.get('retry-after') ?? 1));
      answer = await placing();
    }
    return read(OrderView, answer);
  };
  /** Orders of every ending, one after the other. */
  const buy = async (): Promise<void> => {
    while (buying) {
      for (const token of ['tok_ok', 'tok_declined', 'tok_insufficient_funds', 'tok_timeout_then_ok', 'tok_error']) {
        await place(plenty.id, 1, token);
      }
      await place(scarce.id, 3, 'tok_ok');
      await alice.cancel((await place(plenty.id, 2, 'tok_slow')).id);
      await place(plenty.id, 2, 'tok_slow');
    }
  };
  const settledOrders = async (status: string, count: number): Promise<readonly string[]> => {
    const rows = await databases.rows(
      'orders',
      `SELECT id FROM orders WHERE status = $1 AND updated_at < now() - make_interval(secs => $2)
         AND lines @> $3 ORDER BY id LIMIT $4`,
      [status, SETTLING_SECONDS + 1, JSON.stringify([{ productId: plenty.id }]), count],
    );
    return z
      .array(z.object({ id: z.string() }))
      .parse(rows)
      .map(({ id }) => id);
  };

  it('finds no difference among orders of every ending while more are placed', async () => {
    buyers = Array.from({ length: BUYERS }, buy);
    const outcomes: Outcome[] = [];
    const run = async (): Promise<number> => {
      const outcome = await reconcile(['--since', '1h']);
      outcomes.push(outcome);
      return comparedIn(outcome);
    };
    await eventually(async () => expect(await run()).toBeGreaterThan(100), { timeoutMs: 90_000 });
    const placed = await databases.count('orders', 'orders');
    for (let times = 0; times < 3; times += 1) {
      await run();
    }
    expect(await databases.count('orders', 'orders')).toBeGreaterThan(placed);
    // Also the first ones, which compared few orders.
    for (const outcome of outcomes) {
      expectEnd(outcome, 0, 'All agree.');
    }
    const reasons = await databases.rows('orders', 'SELECT DISTINCT reason FROM orders WHERE reason IS NOT NULL');
    expect(reasons.map(({ reason }) => reason)).toEqual(
      expect.arrayContaining([
        'payment-declined',
        'insufficient-funds',
        'payment-error',
        'out-of-stock',
        'customer-request',
      ]),
    );
  }, 150_000);

  it('is done periodically too, by the service itself', async () => {
    await eventually(async () =>
      expect(await metric('reconciliation_last_success_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 30),
    );
    expect(await metric('reconciliation_differences{kind="payment-missing"}')).toBe(0);
  });

  it('ends with 2 and says why when it cannot be made', async () => {
    const away = await reconcile([], { GATEWAY_URL: 'http://localhost:9' });
    expectEnd(away, 2, 'http://localhost:9 does not answer');
    const asAlice = await reconcile([], { ROOKERY_TOKEN: alice.token });
    expectEnd(asAlice, 2, 'scope ops:read.');
    expectEnd(await reconcile(['--since', 'yesterday']), 2, 'is not a time');
  });

  it('finds every kind of difference that is planted, lists it, ends with 1 and sets the metric', async () => {
    buying = false;
    await Promise.all(buyers);
    const products = await Promise.all(Array.from({ length: 3 }, () => olga.addProduct({ stock: 10 })));
    const confirmed = await eventually(() => exactly(8, settledOrders('Confirmed', 8)), { timeoutMs: 40_000 });
    const canceled = await eventually(() => exactly(4, settledOrders('Canceled', 4)), { timeoutMs: 40_000 });
    const planted = await plantDifferences(databases, { confirmed, canceled, products, sold: plenty });

    const outcome = await reconcile();
    expectEnd(outcome, 1, `Differences: ${planted.length}.`);
    const lines = outcome.stdout.split('\n').filter((line) => /^[a-z]+-[a-z-]+ /.test(line));
    const found = lines.map((line) => {
      const [kind = '', , id = ''] = line.split(/\s+/);
      return `${kind} ${id}`;
    });
    expect(found.toSorted()).toEqual(planted.map(([kind, id]) => `${kind} ${id}`).toSorted());
    const kinds = Map.groupBy(planted, ([kind]) => kind);
    for (const [kind, of] of kinds) {
      expect([kind, await metric(`reconciliation_differences{kind="${kind}"}`)]).toEqual([kind, of.length]);
    }
  }, 120_000);

  it('ends with 2 and names the service that is away', async () => {
    await stack.app('payments').stop();
    expectEnd(await reconcile(), 2, 'payments does not respond.');
  });

  const exactly = async <T>(count: number, found: Promise<readonly T[]>): Promise<readonly T[]> => {
    expect(await found).toHaveLength(count);
    return found;
  };
});
