import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { Problem } from '@rookery/contracts';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { freePorts } from '@rookery/devkit/stack/ports';
import { eventually } from '@rookery/testing';
import { type ApiClient, clientOf } from '../src/client';
import { tokenOf } from '../src/tokens';

const { E2E_STACK_FOLDER: stackFolder } = z.object({ E2E_STACK_FOLDER: z.string() }).parse(process.env);

/** Requests at once; few enough that none waits for a connection to the database longer than orders lets it, however slow the machine. */
const AT_ONCE = 30;
const BUYERS = 8;
/** For what takes a second on a machine that is not busy. */
const PATIENCE_MS = 60_000;

describe('a SIGTERM with requests in flight', () => {
  const logs = mkdtempSync(join(tmpdir(), 'rookery-shutdown-'));
  const replicas: AppProcess[] = [];
  let productId: string;
  let alice: ApiClient;

  beforeAll(async () => {
    alice = clientOf(await tokenOf('alice'));
    productId = (await clientOf(await tokenOf('olga')).addProduct({ stock: 100_000 })).id;
  });

  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    rmSync(logs, { recursive: true, force: true });
  });

  /** One more process of an app, as a second replica in a cluster would be. */
  async function replica(app: 'gateway' | 'orders'): Promise<{ readonly process: AppProcess; readonly url: string }> {
    const [port = 0] = await freePorts(1);
    const settings = z
      .record(z.string(), z.string())
      .parse(parseEnv(readFileSync(join(stackFolder, 'env', `${app}.env`), 'utf8')));
    // A request that waits its turn on a busy machine is not lost.
    const env = { ...settings, REQUEST_TIMEOUT_MS: '30000', PORT: String(port) };
    const process = new AppProcess(app, env, join(logs, `${app}-${port}.log`));
    replicas.push(process);
    await process.ready();
    return { process, url: `http://127.0.0.1:${port}` };
  }

  /** `201`, or what the answer says; undefined when admission control closes because the machine is too busy for the saga. */
  async function placeAt(url: string): Promise<string | undefined> {
    const response = await fetch(new URL('/v1/orders', url), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${alice.token}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify({ lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' }),
    });
    const text = await response.text();
    if (response.status === 201) {
      return '201';
    }
    const { code, detail } = Problem.parse(JSON.parse(text));
    return code === 'orders.saga-lag' ? undefined : `${response.status} ${code}: ${detail}`;
  }

  it(
    'loses none at the gateway, which then ends with 0',
    async () => {
      const { process, url } = await replica('gateway');
      let inFlight = 0;
      const answers = Array.from({ length: AT_ONCE }, async () => {
        inFlight += 1;
        return placeAt(url).finally(() => (inFlight -= 1));
      });
      // The connections are open and the first responses have arrived; most requests are still in flight.
      await Promise.any(answers);
      expect(inFlight).toBeGreaterThan(AT_ONCE / 3);
      const stopped = process.stop();
      expect((await Promise.all(answers)).filter((answer) => answer !== undefined && answer !== '201')).toEqual([]);
      await stopped;
      expect(await process.ended).toBe(0);
    },
    3 * PATIENCE_MS,
  );

  it(
    'loses none at orders while another replica takes over',
    async () => {
      // The gateway of the stack gives a request 5 s, which a busy machine may need without anything being lost.
      const [{ process }, gateway] = await Promise.all([replica('orders'), replica('gateway')]);
      const answers: string[] = [];
      let going = true;
      const buyers = Array.from({ length: BUYERS }, async () => {
        while (going) {
          const answer = await placeAt(gateway.url);
          if (answer !== undefined) {
            answers.push(answer);
          }
        }
      });
      try {
        await eventually(
          () => {
            expect(readFileSync(process.logFile, 'utf8')).toContain('rpc.orders.place');
            expect(answers.length).toBeGreaterThan(5 * BUYERS);
          },
          { timeoutMs: PATIENCE_MS },
        );
        await process.stop();
        const before = answers.length;
        await eventually(() => expect(answers.length).toBeGreaterThan(before + 2 * BUYERS), { timeoutMs: PATIENCE_MS });
      } finally {
        going = false;
        await Promise.all(buyers);
      }
      expect(answers.filter((answer) => answer !== '201')).toEqual([]);
      expect(await process.ended).toBe(0);
    },
    3 * PATIENCE_MS,
  );
});
