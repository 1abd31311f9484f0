import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import { freePorts } from '@rookery/devkit/stack/ports';
import { eventually } from '@rookery/testing';
import { type ApiClient, clientOf } from '../src/client';
import { tokenOf } from '../src/tokens';

const { E2E_STACK_FOLDER: stackFolder } = z.object({ E2E_STACK_FOLDER: z.string() }).parse(process.env);

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

  const placeAt = (url: string): Promise<Response> =>
    fetch(new URL('/v1/orders', url), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${alice.token}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify({ lines: [{ productId, quantity: 1 }], paymentToken: 'tok_ok' }),
    });

  it('loses none at the gateway, which then ends with 0', async () => {
    const { process, url } = await replica('gateway');
    let inHand = 0;
    const answers = Array.from({ length: 100 }, async () => {
      inHand += 1;
      const response = await placeAt(url);
      await response.text();
      inHand -= 1;
      return response.status;
    });
    // The connections are open and the first responses have arrived; most requests are still in flight.
    await Promise.any(answers);
    expect(inHand).toBeGreaterThan(10);
    const stopped = process.stop();
    expect(await Promise.all(answers)).toEqual(Array<number>(100).fill(201));
    await stopped;
    expect(await process.ended).toBe(0);
  });

  it('loses none at orders while another replica takes over', async () => {
    const { process } = await replica('orders');
    const gateway = z.object({ E2E_GATEWAY_URL: z.url() }).parse(globalThis.process.env).E2E_GATEWAY_URL;
    const placed: string[] = [];
    let going = true;
    const buyers = Array.from({ length: 8 }, async () => {
      while (going) {
        const response = await placeAt(gateway);
        const text = await response.text();
        // Admission control closes when the machine is too busy for the saga; that is another matter.
        if (!text.includes('orders.saga-lag')) {
          placed.push(response.status === 201 ? '201' : text);
        }
      }
    });
    await eventually(() => {
      expect(placed.length).toBeGreaterThan(100);
    });
    await process.stop();
    const before = placed.length;
    await eventually(() => {
      expect(placed.length).toBeGreaterThan(before + 50);
    });
    going = false;
    await Promise.all(buyers);
    expect(placed.filter((status) => status !== '201')).toEqual([]);
    expect(await process.ended).toBe(0);
    expect(readFileSync(process.logFile, 'utf8')).toContain('rpc.orders.place');
  });
});
