import { execFile } from 'node:child_process';
import { OrderView, type DifferenceKind, type ProductView } from '@rookery/contracts';
import { eventually } from '@rookery/testing';
import { z } from 'zod';
import { demoPassword, signIn } from '../../../tools/demo/sign-in';
import { startTestStack, type TestStack } from '../../../tools/stack/e2e-stack';
import { repository } from '../../../tools/stack/repository';
import { Databases } from '../src/databases';
import { Operator, read, Shopper } from '../src/shop';

/** Short, so that orders settle while the spec runs; longer than an order is on its way on a busy machine. */
const SETTLING_SECONDS = 8;
const BUYERS = 6;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

describe('npm run reconcile', () => {
  let stack: TestStack;
  let databases: Databases;
  let olga: Operator;
  let alice: Shopper;
  let plenty: ProductView;
  let scarce: ProductView;
  let buying = true;
  let buyers: readonly Promise<void>[] = [];

  beforeAll(async () => {
    // A stack of its own: others plant in theirs what this would find.
    stack = await startTestStack({
      account: 'E3',
      orderDeadlineSeconds: 5,
      extra: {
        orders: {
          RECONCILIATION_SETTLING_SECONDS: String(SETTLING_SECONDS),
          RECONCILIATION_INTERVAL_SECONDS: '5',
        },
      },
    });
    databases = new Databases(stack.infrastructure.databases);
    const [aliceToken, olgaToken] = await Promise.all(['alice', 'olga'].map(tokenOf));
    alice = new Shopper(aliceToken ?? '', stack.gatewayUrl);
    olga = new Operator(olgaToken ?? '', stack.gatewayUrl);
    plenty = await olga.add({ stock: 1_000_000 });
    scarce = await olga.add({ stock: 10 });
  });
  afterAll(async () => {
    buying = false;
    await Promise.all(buyers);
    await databases.close();
    await stack.stop();
  });

  const tokenOf = async (login: string): Promise<string> =>
    (await signIn({ issuer: stack.authUrl, login, password: demoPassword(login) })).access_token;

  /** As an operator runs it. */
  const reconcile = (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Outcome> => {
    const program = ['--import', 'tsx', 'tools/ops/reconcile.ts', ...args];
    const addresses = { GATEWAY_URL: stack.gatewayUrl, AUTH_URL: stack.authUrl, ROOKERY_TOKEN: '' };
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        program,
        { cwd: repository, env: { ...process.env, NODE_OPTIONS: '', ...addresses, ...env } },
        (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });
  };
  const comparedIn = ({ stdout }: Outcome): number => Number(/^Compared (\d+) orders/m.exec(stdout)?.[1]);

  const metric = async (name: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${stack.envs.orders['PORT']}/metrics`);
    const line = (await response.text()).split('\n').find((text) => text.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  };

  const place = async (productId: string, quantity: number, paymentToken: string): Promise<OrderView> =>
    read(OrderView, await alice.place({ lines: [{ productId, quantity }], paymentToken }));
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
    const outcomes = await eventually(
      async () => {
        const outcome = await reconcile();
        expect(outcome).toMatchObject({ code: 0, stdout: expect.stringContaining('All agree.') });
        expect(comparedIn(outcome)).toBeGreaterThan(200);
        return outcome;
      },
      { timeoutMs: 45_000 },
    );
    expect(outcomes.stderr).toBe('');
    const placed = await databases.count('orders', 'orders');
    for (let run = 0; run < 3; run += 1) {
      expect(await reconcile(['--since', '1h'])).toMatchObject({ code: 0 });
    }
    // They were placed meanwhile.
    expect(await databases.count('orders', 'orders')).toBeGreaterThan(placed);
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
  }, 90_000);

  it('is done periodically too, by the service itself', async () => {
    await eventually(async () =>
      expect(await metric('reconciliation_last_success_timestamp_seconds')).toBeGreaterThan(Date.now() / 1_000 - 30),
    );
    expect(await metric('reconciliation_differences{kind="payment-missing"}')).toBe(0);
  });

  it('ends with 2 and says why when it cannot be made', async () => {
    const away = await reconcile([], { GATEWAY_URL: 'http://localhost:9' });
    expect(away).toMatchObject({ code: 2, stderr: expect.stringContaining('http://localhost:9 does not answer') });
    const asAlice = await reconcile([], { ROOKERY_TOKEN: alice.token });
    expect(asAlice).toMatchObject({ code: 2, stderr: expect.stringContaining('ops:read') });
    expect(await reconcile(['--since', 'yesterday'])).toMatchObject({ code: 2 });
  });

  it('finds every kind of difference that is planted, lists it, ends with 1 and sets the metric', async () => {
    buying = false;
    await Promise.all(buyers);
    const products = await Promise.all(Array.from({ length: 3 }, () => olga.add({ stock: 10 })));
    const confirmed = await eventually(() => exactly(8, settledOrders('Confirmed', 8)), { timeoutMs: 20_000 });
    const canceled = await eventually(() => exactly(4, settledOrders('Canceled', 4)), { timeoutMs: 20_000 });
    const planted = await plant(confirmed, canceled, products);

    const outcome = await reconcile();
    expect(outcome.code).toBe(1);
    const lines = outcome.stdout.split('\n').filter((line) => /^[a-z]+-[a-z-]+ /.test(line));
    const found = lines.map((line) => {
      const [kind = '', , id = ''] = line.split(/\s+/);
      return `${kind} ${id}`;
    });
    expect(found.toSorted()).toEqual(planted.map(([kind, id]) => `${kind} ${id}`).toSorted());
    expect(outcome.stdout).toContain(`${planted.length} differences.`);
    const kinds = Map.groupBy(planted, ([kind]) => kind);
    for (const [kind, of] of kinds) {
      expect([kind, await metric(`reconciliation_differences{kind="${kind}"}`)]).toEqual([kind, of.length]);
    }
  }, 60_000);

  it('ends with 2 and names the service that is away', async () => {
    await stack.app('payments').stop();
    expect(await reconcile()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('payments does not answer now.'),
    });
  });

  const exactly = async <T>(count: number, found: Promise<readonly T[]>): Promise<readonly T[]> => {
    expect(await found).toHaveLength(count);
    return found;
  };

  /** An id of the time of another, which no order has. */
  const beside = (id: string, digit: number): string => `${id.slice(0, -12)}${String(digit).padStart(12, '0')}`;

  /** One row of each kind, and what each makes differ. */
  async function plant(
    confirmed: readonly string[],
    canceled: readonly string[],
    products: readonly ProductView[],
  ): Promise<readonly (readonly [DifferenceKind, string])[]> {
    const [unpaid = '', dear = '', doubled = '', uncaptured = '', unsold = '', relined = '', overcharged = ''] =
      confirmed;
    const [kept = '', held = '', orphaned = ''] = canceled;
    const [sum, reserved, sold] = products.map(({ id }) => id);
    const [overdue, strayPayment, strayCharge, strayReservation] = [1, 2, 3, 4].map((digit) => beside(unpaid, digit));
    const sql = (service: 'orders' | 'payments' | 'products', text: string, ...parameters: readonly unknown[]) =>
      databases.rows(service, text, parameters);

    // Nothing ends this order: the sweeper fails at it again and again.
    await sql(
      'orders',
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'planted'; END $$`,
    );
    await sql(
      'orders',
      `CREATE TRIGGER stuck BEFORE UPDATE ON orders FOR EACH ROW WHEN (OLD.id = '${overdue}') EXECUTE FUNCTION refuse()`,
    );
    await sql(
      'orders',
      `INSERT INTO orders SELECT (jsonb_populate_record(o, jsonb_build_object('id', $2::uuid, 'status', 'Pending'))).*
       FROM orders o WHERE id = $1`,
      unpaid,
      overdue,
    );
    await sql('payments', `UPDATE payments SET status = 'Reserved' WHERE order_id = $1`, unpaid);
    await sql('payments', `UPDATE simulator.charges SET state = 'authorized' WHERE order_id = $1`, unpaid);
    await sql('payments', `UPDATE payments SET amount_minor = amount_minor + 1 WHERE order_id = $1`, dear);
    await sql('payments', `UPDATE simulator.charges SET amount_minor = amount_minor + 1 WHERE order_id = $1`, dear);
    await sql(
      'payments',
      `INSERT INTO simulator.charges SELECT key || ':again', order_id, amount_minor, currency, state
       FROM simulator.charges WHERE order_id = $1`,
      doubled,
    );
    await sql('payments', `UPDATE simulator.charges SET state = 'authorized' WHERE order_id = $1`, uncaptured);
    await sql(
      'payments',
      `UPDATE simulator.charges SET amount_minor = amount_minor + 1 WHERE order_id = $1`,
      overcharged,
    );
    await sql('payments', `INSERT INTO simulator.charges VALUES ('planted', $1, 1, 'EUR', 'captured')`, strayCharge);
    await sql('payments', `UPDATE payments SET status = 'Authorizing' WHERE order_id = $1`, kept);
    await sql(
      'payments',
      `UPDATE payments SET status = 'Failed', order_id = $2 WHERE order_id = $1`,
      orphaned,
      strayPayment,
    );
    await sql('products', `UPDATE reservations SET status = 'Released' WHERE id = $1`, unsold);
    await sql(
      'products',
      `UPDATE reservations SET lines = jsonb_set(lines, '{0,quantity}', '77') WHERE id = $1`,
      relined,
    );
    await sql('products', `UPDATE reservations SET status = 'Awaiting' WHERE id = $1`, held);
    await sql('products', `INSERT INTO reservations (id) VALUES ($1)`, strayReservation);
    await sql('products', 'ALTER TABLE stock DROP CONSTRAINT stock_adds_up');
    await sql('products', 'UPDATE stock SET available = available + 1 WHERE product_id = $1', sum);
    await sql(
      'products',
      'UPDATE stock SET available = available - 1, reserved = reserved + 1 WHERE product_id = $1',
      reserved,
    );
    await sql('products', 'UPDATE stock SET available = available - 1, sold = sold + 1 WHERE product_id = $1', sold);

    return [
      ['order-overdue', overdue ?? ''],
      ['payment-missing', unpaid],
      ['payment-amount', dear],
      ['double-charge', doubled],
      ['charge-state', uncaptured],
      ['charge-amount', overcharged],
      ['charge-without-payment', strayCharge ?? ''],
      ['payment-kept', kept],
      ['payment-without-order', strayPayment ?? ''],
      ['reservation-missing', unsold],
      ['reservation-lines', relined],
      ['reservation-kept', held],
      ['reservation-without-order', strayReservation ?? ''],
      ['stock-sum', sum ?? ''],
      ['stock-reserved', reserved ?? ''],
      ['stock-sold', sold ?? ''],
      // Of the reservations that were changed.
      ['stock-sold', plenty.id],
    ];
  }
});
