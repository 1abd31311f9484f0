import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AuthorizationError, type NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { decodeProtectedHeader } from 'jose';
import { Client } from 'pg';
import { z } from 'zod';
import { type Caller, OrderConfirmed, ProductsRpc } from '@rookery/contracts';
import { brokerLogin, inboxPrefixOf, Nats, RpcClient } from '@rookery/messaging';
import { configureLogger } from '@rookery/platform';
import { InternalTokenIssuer } from '@rookery/security';
import { brokerRefusal, eventually } from '@rookery/testing';
import { ApiClient, tokenOf } from '../client/api-client';
import { SteadyLoad } from '../client/steady-load';
import { buildApps } from '../stack/build';
import { authorityFile, clientTls, provideCertificates } from '../stack/certificates';
import { embeddedInfrastructure, type Infrastructure, type OwnServers } from '../stack/infrastructure';
import { freePorts } from '../stack/ports';
import { repository } from '../stack/repository';
import { withDatabase } from '../stack/rows';
import { makeSecrets, type Secrets } from '../stack/secrets';
import { type Stack, startStack } from '../stack/stack';
import { Progress } from '../terminal/progress';
import { takeRotations } from './control';

configureLogger('test', 'silent');

/** Other suites share the machine. */
const RUN_MS = 400_000;
/** Requests per second while credentials are replaced. */
const RATE = 12;
const STOCK = 1_000_000;

const Row = z.record(z.string(), z.unknown());

describe('a stack that speaks TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-secure-'));
  const certificates = join(folder, 'certs');
  const stops: (() => Promise<void>)[] = [];
  let secrets: Secrets;
  let infrastructure: Infrastructure & { readonly own: OwnServers };
  let stack: Stack;
  let alice: ApiClient;
  let plenty: string;
  let none: string;

  beforeAll(async () => {
    if (process.env['ROOKERY_BUILT'] === undefined) {
      await buildApps();
    }
    // Postgres may run as another user and must get through.
    chmodSync(folder, 0o711);
    // Where nats-server was found or put before.
    symlinkSync(join(repository, '.data/bin'), join(folder, 'bin'));
    const [postgresPort = 0, natsPort = 0, gateway = 0, auth = 0, products = 0, orders = 0, payments = 0] =
      await freePorts(7);
    const settings = {
      ports: { gateway, auth, products, orders, payments },
      postgresPort,
      natsPort,
      dataFolder: folder,
      tls: true,
      inspect: [],
      orderDeadlineSeconds: 60,
      requestsPerMinute: 1_000_000,
      issuer: undefined,
      audience: undefined,
    };
    const progress = new Progress(true);
    secrets = await makeSecrets();
    const made = await embeddedInfrastructure(settings, secrets, progress);
    stops.unshift(() => made.stop());
    if (made.own === undefined) {
      throw new Error('these servers are our own');
    }
    infrastructure = { ...made, own: made.own };
    const options = { ...settings, secrets, infrastructure, folder, progress };
    stack = await startStack(options);
    stops.unshift(() => stack.stop());
    stops.unshift(await takeRotations(stack, options));
    const olga = await ApiClient.signIn(stack, 'olga');
    alice = await ApiClient.signIn(stack, 'alice');
    plenty = (await olga.addProduct({ stock: STOCK })).id;
    none = (await olga.addProduct({ stock: 0 })).id;
  }, RUN_MS);

  afterAll(async () => {
    for (const stop of stops) {
      await stop();
    }
    rmSync(folder, { recursive: true, force: true });
  }, RUN_MS);

  const superuser = async <T>(database: string, work: (client: Client) => Promise<T>): Promise<T> => {
    const address = new URL(infrastructure.own.postgresUrl);
    address.pathname = `/${database}`;
    return withDatabase(address.href, work);
  };

  const endingOf = async (paymentToken: string): Promise<string> => {
    const { id } = await alice.buy(plenty, 1, paymentToken);
    const { status, reason } = await alice.ended(id, 60_000);
    return reason ?? status;
  };

  it(
    'confirms an order and cancels one, over TLS with client certificates to NATS and TLS to Postgres',
    async () => {
      await expect(Promise.all([endingOf('tok_ok'), endingOf('tok_declined')])).resolves.toEqual([
        'Confirmed',
        'payment-declined',
      ]);
      const sessions = await superuser('postgres', async (client) => {
        const { rows } = await client.query(
          `SELECT DISTINCT usename AS role, ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
           WHERE usename IN ('auth', 'products', 'orders', 'payments') ORDER BY usename`,
        );
        return rows.map((row) => Row.parse(row));
      });
      expect(sessions).toEqual(
        ['auth', 'orders', 'payments', 'products'].map((role) => ({ role, ssl: true, version: 'TLSv1.3' })),
      );
    },
    RUN_MS,
  );

  it('refuses Postgres connections without TLS, and trusts no server that another authority vouches for', async () => {
    const plain = new URL(infrastructure.databases.orders);
    plain.search = '';
    await expect(new Client({ connectionString: plain.href }).connect()).rejects.toThrow(/no encryption/);
    const foreign = join(folder, 'foreign');
    await provideCertificates(foreign);
    const misled = new URL(infrastructure.databases.orders);
    misled.searchParams.set('sslrootcert', authorityFile(foreign));
    await expect(new Client({ connectionString: misled.href }).connect()).rejects.toThrow(/certificate/i);
  });

  const logIn = (
    seed: string | undefined,
    tls: Parameters<typeof brokerLogin>[0]['tls'],
    client: Caller = 'gateway',
  ): Promise<NatsConnection> =>
    connect({
      servers: infrastructure.broker.url,
      ...(seed === undefined ? { tls } : brokerLogin({ nkeySeed: seed, tls })),
      inboxPrefix: inboxPrefixOf(client),
      reconnect: false,
      timeout: 10_000,
    });

  it('asks at the broker for TLS, for a certificate of our authority, and for a key', async () => {
    const port = Number(new URL(infrastructure.broker.url).port);
    const greeting = await new Promise<string>((resolve, reject) => {
      const socket = connectTcp(port, '127.0.0.1').once('error', reject);
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString());
      });
    });
    expect(JSON.parse(greeting.replace(/^INFO /, ''))).toMatchObject({ tls_required: true, tls_verify: true });

    const seed = infrastructure.broker.seeds.gateway;
    const own = clientTls(certificates, 'gateway');
    const foreign = join(folder, 'foreign');
    await provideCertificates(foreign);
    const stranger = clientTls(foreign, 'gateway');
    const open = await logIn(seed, own);
    await open.close();
    // Talks on without TLS, as an old client would.
    await expect(talkPlainly(port)).resolves.not.toContain('PONG');
    await expect(logIn(seed, { ca: own.ca })).rejects.toThrow();
    await expect(logIn(seed, { ...stranger, ca: own.ca })).rejects.toThrow();
    await expect(logIn(seed, { ...own, ca: stranger.ca })).rejects.toThrow(/certificate/i);
    await expect(logIn(undefined, own)).rejects.toBeInstanceOf(AuthorizationError);
  });

  it('gives nobody another’s permissions for another’s certificate', async () => {
    const connection = await logIn(infrastructure.broker.seeds.payments, clientTls(certificates, 'orders'), 'payments');
    const refused = await brokerRefusal(connection, () => connection.publish(OrderConfirmed.subject, '{}'));
    expect(refused).toBe(OrderConfirmed.subject);
  });

  const talkPlainly = (port: number): Promise<string> =>
    new Promise((resolve) => {
      let heard = '';
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('data', (data) => (heard += data.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(heard));
      socket.write('CONNECT {"verbose":false}\r\nPING\r\n');
    });

  const rotate = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', 'tools/cli/main.ts', 'credentials', 'rotate', ...args],
      { cwd: repository, env: { ...process.env, NODE_OPTIONS: '', ROOKERY_DATA_DIR: folder } },
    );
    return stdout;
  };

  it(
    'fails no request while each credential is replaced, and refuses the former ones afterwards',
    async () => {
      const load = new SteadyLoad({
        client: alice,
        plenty,
        none,
        signIn: () => ApiClient.signIn(stack, 'bob'),
        rate: RATE,
      });
      const interaction = await beginSignIn();
      const gatewayKey = secrets.internalKeys.gateway;
      load.start();

      // It mostly waits, until everybody who verifies tokens can know the new key.
      const signingKey = rotate('signing-key');
      await rotate('database-password', 'orders');
      await rotate('nats-key', 'orders');
      await rotate('internal-key', 'gateway');
      await rotate('cookie-key');
      await expect(interaction.stillKnown()).resolves.toBe(true);
      await rotate('cookie-key');
      await expect(interaction.stillKnown()).resolves.toBe(false);
      await expect(signingKey).resolves.toMatch(/signs from now on/);

      await load.end();
      expect(load.failures).toEqual([]);
      expect(load.answered['log-in']).toBeGreaterThan(0);
      await eventually(
        async () => {
          const endings = await superuser('orders', async (client) => {
            const { rows } = await client.query('SELECT id, coalesce(reason, status) AS ending FROM orders');
            return new Map(rows.map((row) => Row.parse(row)).map(({ id, ending }) => [id, ending]));
          });
          expect(load.orders.filter(({ id, ending }) => endings.get(id) !== ending)).toEqual([]);
        },
        { timeoutMs: 60_000 },
      );

      const { orders: formerUrl } = infrastructure.databases;
      await expect(new Client({ connectionString: formerUrl }).connect()).rejects.toThrow(/authentication failed/);
      const formerKey = logIn(secrets.broker.orders, clientTls(certificates, 'orders'), 'orders');
      await expect(formerKey).rejects.toBeInstanceOf(AuthorizationError);
      await expect(askProductsWith(gatewayKey)).rejects.toMatchObject({
        code: 'dependency.refused-call',
        cause: { code: 'auth.invalid-internal-token' },
      });
      // Every process of auth looks for new keys within half a minute.
      await eventually(
        async () => {
          const { kid } = decodeProtectedHeader(await tokenOf(stack.authUrl, 'alice'));
          expect(kid).not.toBe(decodeProtectedHeader(alice.token).kid);
        },
        { timeoutMs: 90_000, intervalMs: 1_000 },
      );
      expect(await endingOf('tok_insufficient_funds')).toBe('insufficient-funds');
    },
    RUN_MS,
  );

  /** A log-in that stops at its first page, with its signed cookies. */
  async function beginSignIn() {
    const query = new URLSearchParams({
      client_id: 'rookery-cli',
      redirect_uri: 'http://127.0.0.1:8976/callback',
      response_type: 'code',
      scope: 'openid',
      code_challenge: 'a'.repeat(43),
      code_challenge_method: 'S256',
    });
    const first = await fetch(`${stack.authUrl}/auth?${query.toString()}`, { redirect: 'manual' });
    const cookie = first.headers
      .getSetCookie()
      .map((line) => line.split(';')[0] ?? '')
      .join('; ');
    const page = new URL(first.headers.get('location') ?? '', stack.authUrl);
    const stillKnown = async (): Promise<boolean> =>
      (await fetch(page, { headers: { cookie, accept: 'text/html' } })).status === 200;
    await expect(stillKnown()).resolves.toBe(true);
    return { stillKnown };
  }

  /** Asks as the gateway with this key of its own, on a connection that the broker lets in. */
  async function askProductsWith(key: Secrets['internalKeys']['gateway']): Promise<unknown> {
    const nats = await Nats.connect({
      service: 'gateway',
      url: infrastructure.broker.url,
      nkeySeed: secrets.broker.gateway,
      tls: clientTls(certificates, 'gateway'),
    });
    try {
      return await new RpcClient(nats, new InternalTokenIssuer({ key, issuer: 'gateway' })).call(ProductsRpc.list, {
        limit: 1,
      });
    } finally {
      await nats.close();
    }
  }
});
