import type { Caller, Service } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { SteadyLoad } from '@rookery/devkit/client/steady-load';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { withDatabase } from '@rookery/devkit/stack/rows';
import { eventually } from '@rookery/testing';
import { Balancer } from '../src/balancer';
import { Fleet } from '../src/fleet';

const APPS = ['products', 'orders', 'payments', 'auth', 'gateway'] as const satisfies readonly Caller[];
/** Requests per second: what two cores can do beside the starting of processes. */
const RATE = 20;
const STOCK = 1_000_000;
/** Longer than the balancer needs to see that a replica is not ready. */
const SETTINGS = { SHUTDOWN_HANDOVER_MS: '1000' };
const RUN_MS = 240_000;

describe('a rolling restart under load', () => {
  let balancers: { readonly gateway: Balancer; readonly auth: Balancer };
  let stack: TestStack;
  let fleet: Fleet;

  const clientOf = (login: string): Promise<ApiClient> =>
    ApiClient.signIn({ gatewayUrl: balancers.gateway.url, authUrl: balancers.auth.url }, login);

  beforeAll(async () => {
    balancers = { gateway: await Balancer.start(), auth: await Balancer.start() };
    const settings = { ...SETTINGS, OIDC_ISSUER: balancers.auth.url };
    stack = await startTestStack({
      account: 'E3',
      extra: {
        gateway: settings,
        auth: { ...settings, GATEWAY_URL: balancers.gateway.url },
        products: SETTINGS,
        orders: SETTINGS,
        payments: SETTINGS,
      },
    });
    fleet = new Fleet(stack, balancers);
    await Promise.all(APPS.map((app) => fleet.adopt(app)));
    await Promise.all(APPS.map((app) => fleet.start(app)));
  }, RUN_MS);

  afterAll(async () => {
    await fleet.stopAll();
    await Promise.all(Object.values(balancers).map((balancer) => balancer.stop()));
    await stack.stop();
  });

  it(
    'loses no request, ends every order rightly, and every process ends with 0',
    async () => {
      const operator = await clientOf('olga');
      const plenty = await operator.addProduct({ stock: STOCK });
      const none = await operator.addProduct({ stock: 0 });
      const load = new SteadyLoad({
        client: await clientOf('alice'),
        plenty: plenty.id,
        none: none.id,
        signIn: () => clientOf('bob'),
        rate: RATE,
      });

      load.start();
      for (const app of APPS) {
        const [first, second] = fleet.of(app);
        if (first === undefined || second === undefined) {
          throw new Error(`there are no two replicas of ${app}`);
        }
        // As an orchestrator does with a surge of one: the new one first.
        await fleet.start(app);
        await fleet.stop(first);
        // As it does without: the other one serves alone meanwhile.
        await fleet.stop(second);
        await fleet.start(app, second.port);
      }
      await load.end();

      const lost = [...balancers.gateway.lost, ...balancers.auth.lost];
      expect({ failures: load.failures, lost }).toEqual({ failures: [], lost: [] });
      expect(load.answered['log-in']).toBeGreaterThan(0);
      expect(fleet.exits.map(({ code }) => code)).toEqual(Array(APPS.length * 2).fill(0));
      await eventually(async () => expect(await countPending()).toBe(0), { timeoutMs: 30_000 });
      expect(await endings()).toEqual(new Map(load.orders.map(({ id, ending }) => [id, ending])));
      const sold = load.orders.filter(({ ending }) => ending === 'Confirmed').length;
      expect(sold).toBeGreaterThan(0);
      await eventually(async () => {
        expect((await operator.product(plenty.id)).stock).toMatchObject({
          available: STOCK - sold,
        });
      });
    },
    RUN_MS,
  );

  const rows = (service: Service, sql: string): Promise<readonly Record<string, string>[]> =>
    withDatabase(
      stack.infrastructure.databases[service],
      async (client) => (await client.query<Record<string, string>>(sql)).rows,
    );

  const countPending = async (): Promise<number> =>
    (await rows('orders', `SELECT id FROM orders WHERE status = 'Pending'`)).length;

  /** Of every order: Confirmed, or the reason of its end. */
  const endings = async (): Promise<ReadonlyMap<string, string>> =>
    new Map(
      (await rows('orders', 'SELECT id, coalesce(reason, status) AS ending FROM orders')).map((row) => [
        row['id'] ?? '',
        row['ending'] ?? '',
      ]),
    );
});
