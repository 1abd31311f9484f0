import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventProducers } from '@rookery/contracts';
import { ApiClient } from '@rookery/devkit/client/api-client';
import { Random } from '@rookery/devkit/client/random';
import { RetryingLoad } from '@rookery/devkit/client/retrying-load';
import { demoPassword } from '@rookery/devkit/client/sign-in';
import { violationsOf } from '@rookery/devkit/invariants/stack-world';
import { APPS } from '@rookery/devkit/stack/app-process';
import { buildApps } from '@rookery/devkit/stack/build';
import { IsolatedStack } from '@rookery/devkit/stack/isolated-stack';
import { Progress } from '@rookery/devkit/terminal/progress';
import { eventually } from '@rookery/testing';

type Owner = (typeof eventProducers)[number];

interface Seen {
  readonly status: number;
  readonly retryLater: boolean;
  /** The problem; empty for 200. */
  readonly text: string;
}

const isRefusal = ({ status, retryLater }: Seen): boolean => status === 503 && retryLater;

const PROBE_EVERY_MS = 100;
/** Requests that are refused once the database answers again: 5 s of them, and more only where the machine is so busy that each takes long. */
const REFUSED_AFTER_RETURN = 5_000 / PROBE_EVERY_MS;
/** How often the service must have refused before its database comes back. */
const REFUSALS = 8;
/** Longer than the gateway's breakers remember failures and stay open: what they do in one restart is not the next one's doing. */
const CALM_MS = 4_000;
const SPEC_MS = 240_000;

describe('a restart of one service’s database under load', () => {
  let stack: IsolatedStack;
  let load: RetryingLoad;
  let running: Promise<void>;
  let pids: readonly (number | undefined)[];
  let secretTexts: readonly string[];
  let ask: (owner: Owner) => Promise<Seen>;

  const processes = () => APPS.map((app) => stack.app(app).pid);
  /** The last words of the apps that ended by themselves. */
  const ended = () =>
    APPS.map((app) => stack.app(app))
      .filter((app) => app.diedByItself)
      .map((app) => app.exitReport());

  beforeAll(async () => {
    if (process.env['ROOKERY_BUILT'] === undefined) {
      await buildApps();
    }
    // Its own refusals are not what this asks about: the gateway sheds reads when a busy machine makes its event loop late.
    stack = await IsolatedStack.start({ progress: new Progress(true), environment: { LOAD_SHEDDING: 'off' } });
    pids = processes();
    const [alice, olga] = await Promise.all([ApiClient.signIn(stack, 'alice'), ApiClient.signIn(stack, 'olga')]);
    secretTexts = [alice, olga].flatMap(({ name, token }) => [token, demoPassword(name)]);

    const paths: Readonly<Record<Owner, string>> = {
      products: '/v1/products?limit=1',
      orders: '/v1/orders?limit=1',
      payments: `/v1/payments?orderId=${randomUUID()}`,
    };
    ask = async (owner) => {
      const { status, headers, text } = await alice.ask('GET', paths[owner], { timeoutMs: 10_000 });
      return { status, retryLater: headers.has('retry-after'), text: status === 200 ? '' : text };
    };
    load = new RetryingLoad({
      customers: [alice],
      products: [(await olga.addProduct({ stock: 1_000_000 })).id],
      rate: 8,
      seconds: 30,
      random: new Random(7),
      answersWithinMs: 8_000,
    });
    running = load.run();
  }, SPEC_MS);

  afterAll(async () => {
    await running;
    await stack.stop();
  });

  /** Asks every service again and again until `work` is done; the answers of each, in order. */
  async function watching(work: (seen: Readonly<Record<Owner, Seen[]>>) => Promise<void>) {
    const seen: Record<Owner, Seen[]> = { products: [], orders: [], payments: [] };
    const done = new AbortController();
    const watches = eventProducers.map(async (owner) => {
      while (!done.signal.aborted) {
        seen[owner].push(await ask(owner));
        await sleep(PROBE_EVERY_MS);
      }
    });
    await work(seen).finally(() => done.abort());
    await Promise.all(watches);
    return seen;
  }

  /** Resolves when every service has answered every request for a while. */
  async function calm(): Promise<void> {
    let since = performance.now();
    await eventually(
      async () => {
        const answers = await Promise.all(eventProducers.map((owner) => ask(owner)));
        if (answers.some(({ status }) => status !== 200)) {
          since = performance.now();
        }
        expect(performance.now() - since).toBeGreaterThan(CALM_MS);
      },
      { timeoutMs: 60_000 },
    );
  }

  it.each([
    { owner: 'products', how: 'stopped as by pg_ctl -m fast' },
    { owner: 'orders', how: 'killed' },
    { owner: 'payments', how: 'stopped as by pg_ctl -m fast' },
  ] as const)(
    'makes $owner answer 503 with Retry-After while it is $how, never 500, touches no other, and heals within 5 s',
    async ({ owner, how }) => {
      const seen = await watching(async (answers) => {
        await (how === 'killed' ? stack.killDatabase(owner) : stack.stopDatabase(owner));
        await eventually(() => expect(answers[owner].filter(isRefusal).length).toBeGreaterThan(REFUSALS), {
          timeoutMs: 30_000,
        });
        await stack.startDatabase(owner);
        for (let refused = 1; (await ask(owner)).status !== 200; refused += 1) {
          expect(refused).toBeLessThan(REFUSED_AFTER_RETURN);
          expect(ended()).toEqual([]);
          await sleep(PROBE_EVERY_MS);
        }
      });
      const unexpected = eventProducers.flatMap((one) =>
        seen[one]
          .filter((answer) => answer.status !== 200 && !(one === owner && isRefusal(answer)))
          .map(({ status, text }) => `${one}: ${status} ${text}`),
      );
      expect(unexpected).toEqual([]);
      await calm();
    },
    SPEC_MS,
  );

  it(
    'ends every order rightly afterwards, without a process having been restarted',
    async () => {
      await running;
      await eventually(
        async () =>
          expect(await violationsOf({ stack, load, poison: [], secretTexts, sweeperAwayMs: 30_000 })).toEqual([]),
        {
          timeoutMs: 60_000,
          intervalMs: 1_000,
        },
      );
      expect(load.placements.filter(({ orderIds }) => orderIds.length > 0).length).toBeGreaterThan(0);
      expect(processes()).toEqual(pids);
      expect(ended()).toEqual([]);
    },
    SPEC_MS,
  );
});
