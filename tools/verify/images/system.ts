import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Caller, Service } from '@rookery/contracts';
import { APPS } from '@rookery/devkit/stack/app-process';
import { clientTls, provideCertificates, serverTls } from '@rookery/devkit/stack/certificates';
import { isOk } from '@rookery/devkit/stack/is-ok';
import { freePorts } from '@rookery/devkit/stack/ports';
import { repository } from '@rookery/devkit/stack/repository';
import { makeSecrets } from '@rookery/devkit/stack/secrets';
import type { Answer } from '@rookery/devkit/terminal/run-program';
import { UserError } from '@rookery/devkit/terminal/user-error';
import type { BrokerClient } from '@rookery/messaging';
import { kubernetesSecrets } from '@rookery/release/deployment-secrets';
import { NATS_CONFIG_FOLDER } from '@rookery/release/nats-config';
import type { Engine } from './engine';

/** Images of one system. */
export interface SystemImages {
  readonly apps: Readonly<Record<Caller, string>>;
  readonly postgres: string;
  readonly nats: string;
}

/** Limits of every app's container. */
export const MEMORY = '256m';
const PIDS = '128';
const SECRETS = '/etc/rookery/secrets';
const READY_WITHIN_MS = 120_000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** As a cluster runs them: nothing can be written, no capability, no way to get one, within limits. */
const HARDENED = [
  ...['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--pids-limit', PIDS],
  ...['--network', 'host'],
];

/** The whole system in containers of its own on ports of its own, started from images only. */
export class System {
  private readonly prefix = `rookery-verify-${process.pid}`;
  private readonly folder = mkdtempSync(join(tmpdir(), 'rookery-verify-'));
  private readonly certificates = join(this.folder, 'certificates');
  private readonly started: string[] = [];
  private readonly volumes: string[] = [];

  private constructor(
    private readonly engine: Engine,
    private readonly images: SystemImages,
    private readonly ports: Readonly<Record<Caller | 'postgres' | 'nats' | 'monitoring', number>>,
    private readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>,
  ) {}

  /** Makes the secrets as files, as a cluster mounts them, and finds free ports. Nothing runs yet. */
  static async prepare(engine: Engine, images: SystemImages): Promise<System> {
    const [gateway = 0, auth = 0, products = 0, orders = 0, payments = 0, ...servers] = await freePorts(8);
    const [postgres = 0, nats = 0, monitoring = 0] = servers;
    const ports = { gateway, auth, products, orders, payments, postgres, nats, monitoring };
    const secrets = { ...kubernetesSecrets(await makeSecrets()) };
    const system = new System(engine, images, ports, secrets);
    for (const signal of SIGNALS) {
      process.once(signal, system.stopped);
    }
    chmodSync(system.folder, 0o711);
    await provideCertificates(system.certificates);
    const clients: readonly (readonly [secret: string, client: BrokerClient])[] = [
      ...APPS.map((app) => [app, app] as const),
      ['broker-admin', 'admin'],
    ];
    for (const [secret, client] of clients) {
      const { ca, cert, key } = clientTls(system.certificates, client);
      secrets[secret] = { ...secrets[secret], NATS_TLS_CA: ca, NATS_TLS_CERT: cert, NATS_TLS_KEY: key };
    }
    for (const [name, values] of Object.entries(secrets)) {
      mkdirSync(join(system.folder, name), { mode: 0o755 });
      for (const [key, value] of Object.entries(values)) {
        const text = value.replace('@postgres:5432/', `@127.0.0.1:${postgres}/`);
        writeFileSync(join(system.folder, name, key), text, { mode: 0o444 });
      }
    }
    return system;
  }

  get gatewayUrl(): string {
    return `http://localhost:${this.ports.gateway}`;
  }

  get authUrl(): string {
    return `http://localhost:${this.ports.auth}`;
  }

  readonly urlOf = (app: Caller): string => `http://127.0.0.1:${this.ports[app]}`;

  readonly containerOf = (app: Caller): string => `${this.prefix}-${app}`;

  /** Postgres with create-databases.sh and NATS with nats.tls.conf, both with a read-only root too; resolves when both answer. */
  async startServers(): Promise<void> {
    const { postgres, nats, monitoring } = this.ports;
    const tls = serverTls(this.certificates, 'nats');
    const tlsFiles = { 'ca.crt': tls.ca, 'nats.crt': tls.cert, 'nats.key': tls.key };
    const variables = (name: string): readonly string[] =>
      Object.entries(this.secrets[name] ?? {}).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
    const script = 'create-databases.sh';
    await this.start('postgres', [
      ...[...HARDENED, '--user', '999:999', '--tmpfs', '/tmp', '--tmpfs', '/var/run/postgresql'],
      ...['--volume', `${this.volume('postgres')}:/var/lib/postgresql`, '--env', `PGPORT=${postgres}`],
      ...['--volume', `${join(repository, 'k8s/platform/postgres', script)}:/docker-entrypoint-initdb.d/${script}:ro`],
      ...variables('postgres'),
      ...[this.images.postgres, 'postgres', '-c', `port=${postgres}`, '-c', 'listen_addresses=127.0.0.1'],
    ]);
    await this.start('nats', [
      ...[...HARDENED, '--volume', `${this.volume('nats')}:/data`],
      ...['--volume', `${join(repository, NATS_CONFIG_FOLDER)}:/etc/rookery:ro`],
      ...Object.entries(tlsFiles).flatMap(([name, file]) => ['--volume', `${file}:/run/tls/${name}:ro`]),
      ...variables('nats'),
      ...[this.images.nats, '--config', '/etc/rookery/nats.tls.conf'],
      ...['-a', '127.0.0.1', '-p', String(nats), '-m', String(monitoring)],
    ]);
    await this.until('postgres', async () => {
      const { code } = await this.engine.try(
        'exec',
        `${this.prefix}-postgres`,
        'pg_isready',
        '-h',
        '127.0.0.1',
        '-p',
        String(postgres),
      );
      return code === 0;
    });
    await this.until('nats', () => isOk(`http://127.0.0.1:${monitoring}/healthz`));
  }

  /** Runs a job to its end with the secrets of `secret`. */
  async job(app: Caller, program: string, secret: string = app): Promise<Answer> {
    const name = `${this.prefix}-job-${app}`;
    return this.engine.try('run', '--rm', '--name', name, ...this.appOptions(secret), this.images.apps[app], program);
  }

  /** Brings one service's database to its newest migration. */
  migrate(service: Service): Promise<Answer> {
    return this.job(service, 'migrate.js');
  }

  /** Makes the broker's streams and consumers as its admin. */
  provisionBroker(): Promise<Answer> {
    return this.job('gateway', 'provision-broker.js', 'broker-admin');
  }

  /** Starts the five apps; resolves when all of them can serve. */
  async startApps(): Promise<void> {
    for (const app of APPS) {
      const addresses: Readonly<Record<Caller, readonly string[]>> = {
        gateway: [
          `PUBLIC_URL=${this.gatewayUrl}`,
          `OIDC_ISSUER=${this.authUrl}`,
          // Another address than the issuer's, as inside a container network.
          `OIDC_DISCOVERY_URL=${this.urlOf('auth')}`,
        ],
        auth: [
          `OIDC_ISSUER=${this.authUrl}`,
          `OIDC_INTERNAL_URLS=${this.urlOf('auth')}`,
          `GATEWAY_URL=${this.gatewayUrl}`,
          'DEMO=true',
        ],
        products: [],
        orders: [],
        payments: [],
      };
      const env = [...addresses[app], `PORT=${this.ports[app]}`, 'HOST=127.0.0.1'];
      await this.start(app, [
        ...this.appOptions(app),
        ...env.flatMap((assignment) => ['--env', assignment]),
        this.images.apps[app],
      ]);
    }
    for (const app of APPS) {
      await this.until(app, () => isOk(`${this.urlOf(app)}/readyz`));
    }
  }

  /** Runs a program in an app's container. */
  exec(app: Caller, ...args: readonly string[]): Promise<Answer> {
    return this.engine.try('exec', this.containerOf(app), ...args);
  }

  /** Sends SIGTERM and waits: the exit code and how long it took. */
  async stopApp(app: Caller, withinMs: number): Promise<{ readonly code: number; readonly seconds: number }> {
    const since = performance.now();
    const ended = this.engine.run('wait', this.containerOf(app));
    await this.engine.run('kill', '--signal', 'TERM', this.containerOf(app));
    const code = await Promise.race([ended, sleep(withinMs, undefined, { ref: false })]);
    if (code === undefined) {
      throw new UserError(`still runs ${withinMs / 1_000} s after SIGTERM`);
    }
    return { code: Number(code), seconds: (performance.now() - since) / 1_000 };
  }

  /** Runs node of an app's image on a given script, with the same hardening. */
  node(app: Caller, script: string, memory = MEMORY): Promise<Answer> {
    const name = `${this.prefix}-script`;
    const options = ['--rm', '--name', name, ...this.hardenedApp(memory)];
    return this.engine.try('run', ...options, this.images.apps[app], '-e', script);
  }

  /** The end of a container's log. */
  async logOf(name: string): Promise<string> {
    const { stdout, stderr } = await this.engine.try('logs', '--tail', '15', `${this.prefix}-${name}`);
    return `${stdout}${stderr}`.trim();
  }

  /** Ctrl-C leaves no container behind. */
  private readonly stopped = (): void => void this.remove().finally(() => process.exit(130));

  /** Removes every container, volume and file that this made. */
  async remove(): Promise<void> {
    for (const signal of SIGNALS) {
      process.off(signal, this.stopped);
    }
    for (const name of this.started.toReversed()) {
      await this.engine.try('rm', '--force', name);
    }
    for (const volume of this.volumes) {
      await this.engine.try('volume', 'rm', '--force', volume);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private hardenedApp(memory = MEMORY): readonly string[] {
    return [
      ...HARDENED,
      ...['--memory', memory, '--memory-swap', memory],
      // podman would give a read-only container a writable /tmp; its own health checks need systemd.
      ...(this.engine.name === 'podman' ? ['--read-only-tmpfs=false', '--no-healthcheck'] : []),
    ];
  }

  private appOptions(secret: string): readonly string[] {
    return [
      ...this.hardenedApp(),
      ...[
        '--volume',
        `${join(this.folder, secret)}:${SECRETS}:ro`,
        '--env',
        `NATS_URL=tls://localhost:${this.ports.nats}`,
      ],
      ...Object.keys(this.secrets[secret] ?? {}).flatMap((key) => ['--env', `${key}_FILE=${SECRETS}/${key}`]),
    ];
  }

  private volume(name: string): string {
    const volume = `${this.prefix}-${name}`;
    this.volumes.push(volume);
    return volume;
  }

  private async start(name: string, args: readonly string[]): Promise<void> {
    const container = `${this.prefix}-${name}`;
    this.started.push(container);
    await this.engine.run('run', '--detach', '--name', container, ...args);
  }

  private async until(name: string, ready: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await ready())) {
      const state = await this.engine.try('inspect', '--format', '{{.State.Status}}', `${this.prefix}-${name}`);
      const ended = !['running', 'created', 'configured'].includes(state.stdout.trim());
      if (ended || Date.now() > deadline) {
        const what = ended ? 'ended by itself' : `is not ready after ${READY_WITHIN_MS / 1_000} s`;
        throw new UserError(`${name} ${what}:\n${await this.logOf(name)}`);
      }
      await sleep(300);
    }
  }
}
