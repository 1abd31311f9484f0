import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { z } from 'zod';
import { TESTED_NATS_SERVERS } from '@rookery/messaging';
import { Progress } from '../terminal/progress';
import { brokerVersion } from './broker-version';
import { givenInfrastructure } from './infrastructure';
import { repository } from './repository';

describe('the broker that NATS_URL names', () => {
  let server: Server | undefined;
  afterEach(() => new Promise<unknown>((resolve) => (server === undefined ? resolve(0) : server.close(resolve))));

  const greeting = async (text: string): Promise<string> => {
    const listening = createServer((socket) => socket.on('error', () => undefined).end(text));
    server = listening;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const address = listening.address();
    return `nats://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
  };

  it('sends its version to every client, also when another of several is down', async () => {
    const url = process.env['TEST_NATS_URL'] ?? '';
    const version = await brokerVersion(url);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
    await expect(brokerVersion(`nats://127.0.0.1:1, ${url}`)).resolves.toBe(version);
  });

  it.each(['HTTP/1.1 400 Bad Request\r\n', 'INFO {\r\n', 'INFO {"version":7}\r\n', ''])(
    'is of no known version when it greets with %j',
    async (text) => {
      await expect(brokerVersion(await greeting(text))).resolves.toBeUndefined();
    },
  );

  it('is refused at the start when it is older than the oldest that is supported, with what to do', async () => {
    const url = await greeting('INFO {"server_id":"N","version":"2.8.4"}\r\n');
    const seeds = Object.fromEntries(
      ['GATEWAY', 'AUTH', 'PRODUCTS', 'ORDERS', 'PAYMENTS'].map((app) => [`NATS_NKEY_SEED_${app}`, 'SU']),
    );
    await expect(givenInfrastructure(new Progress(true), { NATS_URL: url, ...seeds })).rejects.toThrow(
      `NATS_URL points to nats-server 2.8.4, which is not supported: upgrade it to ${TESTED_NATS_SERVERS.oldest} or newer.`,
    );
  });
});

describe('npx rookery versions', () => {
  it('prints Node, Postgres and nats-server with version and source, for programs too', () => {
    const printed = execFileSync(process.execPath, ['--import', 'tsx', 'tools/cli/main.ts', 'versions', '--json'], {
      cwd: repository,
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    const version = z.object({ version: z.string().regex(/^\d+\.\d+/), from: z.string().min(1), path: z.string() });
    const versions = z.object({ node: version, postgres: version, 'nats-server': version }).parse(JSON.parse(printed));
    expect(versions.node.version).toBe(process.versions.node);
  });
});
