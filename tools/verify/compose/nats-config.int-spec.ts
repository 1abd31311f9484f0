import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { AuthorizationError, type NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { type Caller, OrderConfirmed, PaymentReserved } from '@rookery/contracts';
import { makeSeed } from '@rookery/devkit/stack/broker-accounts';
import { clientTls, provideCertificates } from '@rookery/devkit/stack/certificates';
import { GuardedProcess } from '@rookery/devkit/stack/guarded-process';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { freePorts } from '@rookery/devkit/stack/ports';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets, type Secrets } from '@rookery/devkit/stack/secrets';
import { type BrokerClient, brokerLogin, inboxPrefixOf, provisionBroker } from '@rookery/messaging';
import { configureLogger } from '@rookery/platform';
import { composeCertificates, composeSecrets, kubernetesSecrets } from '@rookery/release/deployment-secrets';
import { NATS_CONFIG_FOLDER } from '@rookery/release/nats-config';
import { brokerRefusal, eventually } from '@rookery/testing';
import { interpolate, readCompose } from './compose';

configureLogger('test', 'silent');

describe('a nats-server with the configuration for containers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-nats-config-'));
  let secrets: Secrets;
  let server: GuardedProcess;
  let servers: string;
  let monitoring: string;
  const config = join(folder, 'nats.conf');

  beforeAll(async () => {
    // The committed files as they are; only the store is another place than in the container.
    const committed = (name: string): string => join(repository, NATS_CONFIG_FOLDER, name);
    copyFileSync(committed('accounts.conf'), join(folder, 'accounts.conf'));
    writeFileSync(config, readFileSync(committed('nats.conf'), 'utf8').replace('"/data"', `"${join(folder, 'data')}"`));
    secrets = await makeSecrets();
    const [port = 0, httpPort = 0] = await freePorts(2);
    servers = `nats://127.0.0.1:${port}`;
    monitoring = `http://127.0.0.1:${httpPort}`;
    server = new GuardedProcess({
      name: 'nats-server',
      command: await findNatsServer(),
      args: ['--config', config, '-a', '127.0.0.1', '-p', `${port}`, '-m', `${httpPort}`],
      logFile: join(folder, 'nats.log'),
      stopSignal: 'SIGTERM',
      env: { ...kubernetesSecrets(secrets)['nats'] },
    });
    const admin = await eventually(() => login('admin'));
    await provisionBroker(admin);
    await admin.close();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const login = (client: BrokerClient, nkeySeed = secrets.broker[client]): Promise<NatsConnection> =>
    connect({ servers, ...brokerLogin({ nkeySeed }), inboxPrefix: inboxPrefixOf(client), reconnect: false });

  /** Subject of the broker's refusal; undefined when it takes the message. */
  const refusalOf = async (caller: Caller, subject: string): Promise<string | undefined> =>
    brokerRefusal(await login(caller), (connection) => connection.publish(subject, '{}'));

  const refused: readonly [Caller, string][] = [
    ['orders', PaymentReserved.subject],
    ['payments', OrderConfirmed.subject],
    ['gateway', OrderConfirmed.subject],
    ['auth', 'rpc.orders.place'],
    ['orders', '$JS.API.STREAM.DELETE.ORDERS'],
  ];
  it.each(refused)('refuses %s to publish %s', async (caller, subject) => {
    await expect(refusalOf(caller, subject)).resolves.toBe(subject);
  });

  const allowed: readonly [Caller, string][] = [
    ['orders', OrderConfirmed.subject],
    ['payments', PaymentReserved.subject],
    ['gateway', 'rpc.orders.place'],
  ];
  it.each(allowed)('allows %s to publish %s', async (caller, subject) => {
    await expect(refusalOf(caller, subject)).resolves.toBeUndefined();
  });

  it('lets nobody in without a key or with one that is not known', async () => {
    await expect(connect({ servers, reconnect: false })).rejects.toBeInstanceOf(AuthorizationError);
    await expect(login('orders', makeSeed())).rejects.toBeInstanceOf(AuthorizationError);
  });

  it('keeps events in JetStream and answers on the monitoring port', async () => {
    const admin = await login('admin');
    await expect((await jetstreamManager(admin)).streams.info('ORDERS')).resolves.toMatchObject({
      config: { storage: 'file' },
    });
    await admin.close();
    expect((await fetch(`${monitoring}/healthz?js-enabled-only=true`)).status).toBe(200);
  });

  it('speaks TLS with clients of our authority where docker/compose.yaml starts it', async () => {
    const tls = join(folder, 'tls');
    await provideCertificates(tls);
    const values = { ...composeSecrets(secrets), ...composeCertificates(tls) };
    const { command, environment } = readCompose().services['nats'] ?? {};
    // The command and the committed file as they are; only the folders are others than in the container.
    const [runFolder, configFolder] = [join(folder, 'run'), join(folder, 'etc')];
    mkdirSync(runFolder);
    const moved = (text: string): string =>
      text
        .replaceAll('/run/tls', runFolder)
        .replaceAll('/etc/rookery', configFolder)
        .replace('"/data"', `"${folder}/tls-data"`);
    cpSync(join(repository, NATS_CONFIG_FOLDER), configFolder, { recursive: true });
    const file = join(configFolder, 'nats.tls.conf');
    writeFileSync(file, moved(readFileSync(file, 'utf8')));
    const binary = await findNatsServer();
    const [port = 0, httpPort = 0] = await freePorts(2);
    const script = moved(command?.[0] ?? '')
      .replaceAll('$$', '$')
      .replace('exec nats-server', `exec ${binary}`);
    const overTls = new GuardedProcess({
      name: 'nats-server',
      command: '/bin/sh',
      args: ['-c', `${script} -a 127.0.0.1 -p ${port} -m ${httpPort}`],
      logFile: join(folder, 'tls.log'),
      stopSignal: 'SIGTERM',
      env: Object.fromEntries(
        Object.entries(environment ?? {}).map(([name, value]) => [name, interpolate(value, values)]),
      ),
    });
    const log = (client: BrokerClient, shown = clientTls(tls, client)): Promise<NatsConnection> =>
      connect({
        servers: `tls://127.0.0.1:${port}`,
        ...brokerLogin({ nkeySeed: secrets.broker[client], tls: shown }),
        reconnect: false,
      });
    try {
      await (await eventually(() => log('orders'))).close();
      await expect(log('orders', { ...clientTls(tls, 'orders'), cert: '', key: '' })).rejects.toThrow();
    } finally {
      await overTls.stop();
    }
  });

  it('does not start without the keys', async () => {
    const without = new GuardedProcess({
      name: 'nats-server',
      command: await findNatsServer(),
      args: ['--config', config, '-t'],
      logFile: join(folder, 'without.log'),
      stopSignal: 'SIGTERM',
    });
    await expect(without.ended).resolves.toBe(1);
    expect(without.lastLines()).toContain('NATS_NKEY_');
  });
});
