import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Caller, OrderView } from '@rookery/contracts';
import { tokenOf } from '@rookery/devkit/client/api-client';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { startTestStack, type TestStack } from '@rookery/devkit/stack/e2e-stack';
import { freePorts } from '@rookery/devkit/stack/ports';
import { eventually } from '@rookery/testing';
import { type Answer, ApiClient, clientOf, read, request } from '../src/client';
import { noWrongClocks, wrongClock } from '../src/wrong-clock';

const DEADLINE_SECONDS = 6;
/** The sweeper looks once a second; the rest is for a busy machine. */
const LATE_SECONDS = 8;
const RUN_MS = 240_000;

/** A process with a wrong clock, and where it tells how it is. */
interface Misled {
  readonly process: AppProcess;
  readonly url: string;
  log(): string;
}

const suite = noWrongClocks === undefined ? describe : describe.skip;

suite(`one process with a wrong clock${noWrongClocks === undefined ? '' : `: ${noWrongClocks}`}`, () => {
  let stack: TestStack;
  const started: AppProcess[] = [];

  beforeAll(async () => {
    stack = await startTestStack({
      account: 'E9',
      orderDeadlineSeconds: DEADLINE_SECONDS,
      // Each read asks products.
      extra: { gateway: { PRODUCT_CACHE_SECONDS: '0', PRODUCT_STALE_SECONDS: '0' } },
    });
  }, RUN_MS);

  afterAll(async () => {
    await Promise.all(started.map((process) => process.stop()));
    await stack.stop();
  });

  const readiness = async (url: string): Promise<Record<string, unknown>> => {
    const response = await fetch(new URL('/readyz', url), { signal: AbortSignal.timeout(3_000) });
    const body: unknown = await response.json();
    return { httpStatus: response.status, ...(typeof body === 'object' ? body : {}) };
  };

  /** One more replica; resolves when it takes work, ready or not. */
  const start = async (app: Caller, settings: Readonly<Record<string, string>>): Promise<Misled> => {
    const [port = 0] = await freePorts(1);
    const logFile = join(stack.folder, 'logs', `${app}-${port}.log`);
    const process = new AppProcess(app, { ...stack.envs[app], ...settings, PORT: String(port) }, logFile);
    started.push(process);
    const url = `http://127.0.0.1:${port}`;
    await eventually(async () => expect((await readiness(url))['status']).not.toBe('starting'), { timeoutMs: 60_000 });
    return { process, url, log: () => readFileSync(logFile, 'utf8') };
  };

  const metricOf = async (url: string, name: string): Promise<number> => {
    const text = await (await fetch(new URL('/metrics', url))).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length) ?? NaN,
    );
  };

  /** By its wrong clock the replica may refuse its callers; the other one takes the order. */
  const buy = (shopper: ApiClient, productId: string): Promise<OrderView> => {
    const key = randomUUID();
    return eventually(
      async () => {
        const order = { lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' };
        const answer = await shopper.place(order, key);
        expect([201, 503]).toContain(answer.status);
        return read(OrderView, answer);
      },
      { timeoutMs: 20_000 },
    );
  };

  const reads = (count: number, gateway = stack.gatewayUrl): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => request('GET', `/v1/products?q=${n}`, { gateway })));

  describe('replicas of orders that are 70 s ahead, 10 s ahead and 10 s behind', () => {
    it(
      'end no order early or late, whichever of them took it',
      async () => {
        const [operator, alice] = await Promise.all([
          ApiClient.signIn(stack, 'olga'),
          ApiClient.signIn(stack, 'alice'),
        ]);
        const product = await operator.addProduct({ stock: 1_000 });
        const replicas = await Promise.all([70, 10, -10].map((seconds) => start('orders', wrongClock(seconds))));
        // Payments never answers: the deadline ends every order.
        process.kill(stack.app('payments').pid ?? NaN, 'SIGSTOP');
        try {
          const ages = await Promise.all(
            Array.from({ length: 24 }, async () => {
              const placedAt = performance.now();
              const { id } = await buy(alice, product.id);
              await alice.ended(id, 30_000);
              return (performance.now() - placedAt) / 1_000;
            }),
          );
          expect(Math.min(...ages)).toBeGreaterThan(DEADLINE_SECONDS - 0.5);
          expect(Math.max(...ages)).toBeLessThan(DEADLINE_SECONDS + LATE_SECONDS);
        } finally {
          process.kill(stack.app('payments').pid ?? NaN, 'SIGCONT');
          await Promise.all(replicas.map((replica) => replica.process.stop()));
        }
      },
      RUN_MS,
    );
  });

  describe('products', () => {
    beforeAll(() => stack.app('products').kill());

    it.each([10, -10])(
      'answers every read when its clock is %i s ahead',
      async (seconds) => {
        const { process, url } = await start('products', wrongClock(seconds));
        try {
          const statuses = (await reads(100)).map(({ status }) => status);
          expect(statuses.filter((status) => status !== 200)).toEqual([]);
          expect(await metricOf(url, 'clock_skew_seconds')).toBeCloseTo(seconds, 0);
          expect(await readiness(url)).toMatchObject({ httpStatus: 503, checks: { clock: 'down', database: 'up' } });
          expect((await readiness(stack.gatewayUrl))['httpStatus']).toBe(200);
        } finally {
          await process.stop();
        }
      },
      RUN_MS,
    );

    it(
      'answers or is unavailable, and blames no caller, when its clock is 70 s ahead',
      async () => {
        const { process } = await start('products', wrongClock(70));
        try {
          const statuses = (await reads(50)).map(({ status }) => status);
          expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
        } finally {
          await process.stop();
        }
      },
      RUN_MS,
    );

    it.each([90, -70])(
      'is what is unavailable, and no caller, when its clock is %i s ahead',
      async (seconds) => {
        const { process } = await start('products', wrongClock(seconds));
        try {
          const answers = await reads(20);
          for (const { status, headers, text } of answers) {
            expect({ status, text, challenge: headers.get('www-authenticate') }).toMatchObject({
              status: 503,
              challenge: null,
            });
            expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
          }
          const log = readFileSync(stack.app('gateway').logFile, 'utf8').split('\n');
          expect(log.filter((line) => line.includes('auth.invalid-internal-token'))[0]).toContain('"level":"error"');
        } finally {
          await process.stop();
        }
      },
      RUN_MS,
    );

    it(
      'is ready with a clock that is 3 s ahead, and tells how far it is off',
      async () => {
        const { process, url } = await start('products', wrongClock(3));
        try {
          expect((await readiness(url))['httpStatus']).toBe(200);
          expect(await metricOf(url, 'clock_skew_seconds')).toBeCloseTo(3, 0);
        } finally {
          await process.stop();
        }
      },
      RUN_MS,
    );

    afterAll(async () => {
      await start('products', {});
    });
  });

  describe('gateways', () => {
    const SECONDS = [10, -10, 70] as const;
    const gateways = new Map<number, Misled>();

    beforeAll(async () => {
      await Promise.all(
        SECONDS.map(async (seconds) => gateways.set(seconds, await start('gateway', wrongClock(seconds)))),
      );
    }, RUN_MS);

    afterAll(() => Promise.all([...gateways.values()].map(({ process }) => process.stop())));

    const urlOf = (seconds: number): string => gateways.get(seconds)?.url ?? '';

    it.each(SECONDS)(
      'that are %i s ahead are not ready, and answer no read with 401 or 504 meanwhile',
      async (seconds) => {
        const url = urlOf(seconds);
        const allowed = Math.abs(seconds) === 10 ? [200] : [200, 503];
        const statuses = (await reads(50, url)).map(({ status }) => status);
        expect(statuses.filter((status) => !allowed.includes(status))).toEqual([]);
        await eventually(async () =>
          expect(await readiness(url)).toMatchObject({ httpStatus: 503, checks: { clock: 'down' } }),
        );
        expect(await metricOf(url, 'clock_skew_seconds')).toBeCloseTo(seconds, 0);
      },
    );

    it('take an access token that an auth 10 s ahead or behind would sign', async () => {
      const token = await tokenOf(stack.authUrl, 'alice');
      const answers = await Promise.all(
        [10, -10].map((seconds) =>
          clientOf(token, urlOf(seconds)).place(
            { lines: [{ productId: randomUUID(), quantity: 1 }], paymentToken: 'tok_ok' },
            randomUUID(),
          ),
        ),
      );
      // The token is accepted; that the product does not exist is another matter.
      expect(answers.map(({ status }) => status)).toEqual([422, 422]);
    });
  });
});
