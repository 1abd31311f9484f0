import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, recordOf, type Service } from '@rookery/contracts';
import { natsServerConfig } from '@rookery/messaging';
import { FaultyLink } from '@rookery/testing';
import type { Progress } from '../terminal/progress';
import { type AppEnv, appEnvs, type AppEnvs } from './app-env';
import { AppProcess, APPS, migrate, SERVICES } from './app-process';
import { brokerAccount, MAIN_ACCOUNT } from './broker-accounts';
import { brokerIsLive } from './broker-liveness';
import { createDatabases } from './databases';
import { type EmbeddedNats, startNats } from './embedded-nats';
import { copyCluster, type EmbeddedPostgres, makeCluster, startPostgres } from './embedded-postgres';
import { FaultCriterionBroken, stopCleanly } from './fault-criterion-broken';
import { provision } from './infrastructure';
import { isOk } from './is-ok';
import { findNatsServer } from './nats-binary';
import { freePorts } from './ports';
import { makeSecrets, type Secrets } from './secrets';
import { type DiskOwner, SmallDisk } from './small-disk';

/** Short, so that a run need not wait long for what a fault left Pending. */
export const ORDER_DEADLINE_SECONDS = 15;

/** Kubernetes gives it ten times as long (k8s/platform/dev/nats/nats.yaml); here a run has seconds. */
const BROKER_LIVENESS = { everyMs: 1_000, failures: 3, liveWithinMs: 30_000 } as const;

type PerService<T> = Record<Service, T>;

export interface IsolatedStackOptions {
  readonly progress: Progress;
  /** Folder of the built apps. @default `dist/apps` */
  readonly apps?: string | undefined;
  /** Servers that get a small disk of their own, to be filled. */
  readonly disks?: ReadonlySet<DiskOwner>;
  /** Settings of a service's Postgres server, given the stack's folder. */
  readonly databaseSettings?: (service: Service, folder: string) => Readonly<Record<string, string>>;
  /** Put over the environment of each app. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * A stack to break: a Postgres server per service, one broker, every app a process of its own, and a link that can be cut, silenced
 * or slowed between each service and its database and broker. Everything is in a temporary folder and on free ports.
 */
export class IsolatedStack {
  readonly folder = mkdtempSync(join(tmpdir(), 'rookery-chaos-'));
  private readonly databases = new Map<Service, EmbeddedPostgres>();
  private readonly apps = new Map<Caller, AppProcess>();
  private readonly replicas = new Map<Caller, AppProcess>();
  private readonly disks = new Map<DiskOwner, SmallDisk>();
  private readonly databaseLinks = new Map<Service, FaultyLink>();
  private readonly brokerLinks = new Map<Caller, FaultyLink>();
  private broker: EmbeddedNats | undefined;
  private envs: AppEnvs | undefined;
  private urls: PerService<string> | undefined;

  private constructor(
    private readonly secrets: Secrets,
    private readonly natsBinary: string,
    private readonly ports: {
      readonly nats: number;
      readonly natsMonitoring: number;
      readonly postgres: PerService<number>;
      readonly apps: Record<Caller, number>;
      readonly replica: number;
    },
    private readonly options: IsolatedStackOptions,
  ) {
    process.once('exit', this.discard);
    // Postgres may run as another user and must get through.
    chmodSync(this.folder, 0o711);
  }

  /** A running stack. */
  static async start(options: IsolatedStackOptions): Promise<IsolatedStack> {
    const ports = await freePorts(12);
    const port = (index: number): number => ports[index] ?? 0;
    const stack = new IsolatedStack(
      await makeSecrets(),
      await findNatsServer({ say: options.progress.say }),
      {
        nats: port(0),
        postgres: { auth: port(1), products: port(2), orders: port(3), payments: port(4) },
        apps: { gateway: port(5), auth: port(6), products: port(7), orders: port(8), payments: port(9) },
        replica: port(10),
        natsMonitoring: port(11),
      },
      options,
    );
    try {
      await stack.bringUp();
      return stack;
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.ports.apps.gateway}`;
  }

  get authUrl(): string {
    return `http://localhost:${this.ports.apps.auth}`;
  }

  get brokerUrl(): string {
    return `nats://127.0.0.1:${this.ports.nats}`;
  }

  get brokerAdmin(): { readonly nkeySeed: string } {
    return { nkeySeed: this.secrets.broker.admin };
  }

  /** What the recovery job of a service is given: the service's settings, its database without the link, the broker's admin. */
  recoveryEnv(service: Service): AppEnv {
    return {
      ...this.envs?.[service],
      NATS_URL: this.brokerUrl,
      NATS_NKEY_SEED: this.secrets.broker.admin,
      DATABASE_URL: this.databaseUrl(service),
    };
  }

  /** Every secret of this stack: no log may contain one. */
  get secretTexts(): readonly string[] {
    const { databases, broker, postgres, sealingKey, keyEncryptionKey, cookieKeys, cursorKey } = this.secrets;
    return [
      postgres,
      sealingKey,
      keyEncryptionKey,
      cursorKey,
      ...cookieKeys,
      ...Object.values(databases),
      ...Object.values(broker),
    ];
  }

  readonly logsFolder = join(this.folder, 'logs');

  databaseLog(service: Service): string {
    return join(this.logsFolder, `postgres-${service}.log`);
  }

  /** Where the Postgres server of a service keeps its data: on its small disk, if it has one. */
  dataFolder(service: Service): string {
    return join(service === 'orders' ? this.diskOf('orders') : this.folder, `postgres-${service}`);
  }

  superuserUrl(service: Service): string {
    return known(this.databases.get(service), `the server of ${service}`).url;
  }

  /** A service's database, past the link. */
  databaseUrl(service: Service): string {
    return known(this.urls, 'the databases')[service];
  }

  databaseLink(service: Service): FaultyLink {
    return known(this.databaseLinks.get(service), `the link to the database of ${service}`);
  }

  brokerLink(app: Caller): FaultyLink {
    return known(this.brokerLinks.get(app), `the link of ${app} to the broker`);
  }

  get links(): readonly FaultyLink[] {
    return [...this.databaseLinks.values(), ...this.brokerLinks.values()];
  }

  app(name: Caller): AppProcess {
    return known(this.apps.get(name), name);
  }

  /**
   * Kills an app and starts it again, by default at once; resolves when it is ready, with the milliseconds since it was started
   * again. `whenDead` runs in between.
   */
  async crash(name: Caller, awayMs = 0, whenDead?: () => unknown): Promise<number> {
    await this.app(name).kill();
    await whenDead?.();
    await sleep(awayMs);
    return this.launched(name);
  }

  /** Stops an app in good order and starts it again. */
  async restart(name: Caller): Promise<void> {
    try {
      await stopCleanly(this.app(name));
    } finally {
      await this.launched(name);
    }
  }

  get replicaUrl(): string {
    return `http://127.0.0.1:${this.ports.replica}`;
  }

  /** Starts a second replica of a service; resolves when it is ready. Only one service has one at a time. */
  async startReplica(name: Caller, environment: Readonly<Record<string, string>> = {}): Promise<void> {
    const replica = this.process(name, { ...environment, PORT: String(this.ports.replica) });
    this.replicas.set(name, replica);
    await replica.ready();
  }

  async stopReplica(name: Caller): Promise<void> {
    const replica = this.replicas.get(name);
    this.replicas.delete(name);
    if (replica !== undefined) {
      await stopCleanly(replica);
    }
  }

  isReady(name: Caller): Promise<boolean> {
    return isOk(`http://127.0.0.1:${this.ports.apps[name]}/readyz`);
  }

  /** Leaves no room on a server's disk; false when it has no small one. */
  fillDisk(owner: DiskOwner): boolean {
    const disk = this.disks.get(owner);
    disk?.fill();
    return disk !== undefined;
  }

  emptyDisk(owner: DiskOwner): void {
    this.disks.get(owner)?.empty();
  }

  /** Starts a Postgres server again that has ended by itself, as a supervisor would; returns whether that was needed. */
  async reviveDatabase(owner: Service): Promise<boolean> {
    if (this.databases.get(owner)?.process.exitCode === undefined) {
      return false;
    }
    await this.startDatabase(owner);
    return true;
  }

  /**
   * Watches over the broker for so long, and on until it is live unless that cannot be, as a liveness probe of Kubernetes does (k8s/platform/dev/nats, with
   * shorter times): when it has failed for some times in a row the server is killed and started again, also where that does not help yet.
   * Returns how often that was; throws FaultCriterionBroken when it does not become live.
   */
  async superviseBroker(forMs: number, { live = true } = {}): Promise<number> {
    const { everyMs, failures, liveWithinMs } = BROKER_LIVENESS;
    const until = Date.now() + forMs;
    let restarts = 0;
    let failed = 0;
    while (Date.now() < until || (live && failed > 0)) {
      if (Date.now() > until + liveWithinMs) {
        throw new FaultCriterionBroken('NATS did not become live again');
      }
      failed = (await brokerIsLive(`http://127.0.0.1:${this.ports.natsMonitoring}`)) ? 0 : failed + 1;
      if (failed >= failures) {
        // Without any room it may not even start, and then there is nothing to kill; Kubernetes tries again too.
        await this.killBroker().catch(() => undefined);
        await this.startBroker().catch(() => undefined);
        restarts += 1;
        failed = 1;
      }
      await sleep(everyMs);
    }
    return restarts;
  }

  get brokerPid(): number {
    return Number.parseInt(readFileSync(join(this.folder, 'nats/nats.pid'), 'utf8'), 10);
  }

  databasePid(service: Service): number {
    return Number.parseInt(readFileSync(join(this.dataFolder(service), 'postmaster.pid'), 'utf8'), 10);
  }

  async killBroker(): Promise<void> {
    process.kill(this.brokerPid, 'SIGKILL');
    await this.broker?.process.ended;
  }

  async startBroker({ emptied = false } = {}): Promise<void> {
    const folder = join(this.folder, 'nats');
    const storeDir = join(this.diskOf('broker'), 'jetstream');
    if (emptied) {
      rmSync(storeDir, { recursive: true, force: true });
    }
    this.broker = await startNats({
      binary: this.natsBinary,
      config: natsServerConfig({
        port: this.ports.nats,
        httpPort: this.ports.natsMonitoring,
        storeDir,
        accounts: [brokerAccount(MAIN_ACCOUNT, this.secrets.broker)],
      }),
      port: this.ports.nats,
      folder,
      logFile: join(this.logsFolder, 'nats.log'),
    });
  }

  /** Kills the whole Postgres server of a service, as a power cut would. */
  async killDatabase(service: Service): Promise<void> {
    process.kill(this.databasePid(service), 'SIGQUIT');
    await this.databases.get(service)?.process.ended;
  }

  /** Stops the Postgres server of a service as `pg_ctl stop -m fast` does: open transactions are rolled back. */
  async stopDatabase(service: Service): Promise<void> {
    await this.databases.get(service)?.stop();
  }

  async startDatabase(service: Service, settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const postgres = await startPostgres({
      dataFolder: this.dataFolder(service),
      port: this.ports.postgres[service],
      password: this.secrets.postgres,
      logFile: this.databaseLog(service),
      settings: { ...this.options.databaseSettings?.(service, this.folder), ...settings },
    });
    this.databases.set(service, postgres);
  }

  /** Stops everything and, unless it is to be looked at, removes the folder. */
  async stop({ keep = false } = {}): Promise<void> {
    await Promise.all([...this.apps.values(), ...this.replicas.values()].map((app) => app.stop()));
    await Promise.all(this.links.map((link) => link.close()));
    await this.broker?.stop();
    await Promise.all([...this.databases.values()].map((postgres) => postgres.stop()));
    process.off('exit', this.discard);
    if (keep) {
      this.unmount();
    } else {
      this.discard();
    }
  }

  /** Also when the run is broken off: nothing may stay behind. The servers end with this process, some a moment later. */
  private readonly discard = (): void => {
    this.unmount();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };

  /** What was to be looked at is gone with a small disk, which is memory. */
  private unmount(): void {
    for (const disk of this.disks.values()) {
      disk.unmount();
    }
    this.disks.clear();
  }

  private async bringUp(): Promise<void> {
    const { progress } = this.options;
    mkdirSync(this.logsFolder, { recursive: true });
    for (const owner of this.options.disks ?? []) {
      const disk = SmallDisk.mount(join(this.folder, `disk-${owner}`));
      if (disk !== undefined) {
        this.disks.set(owner, disk);
      }
    }
    await progress.step('four Postgres servers and a broker', async () => {
      await Promise.all([this.makeDatabases(), this.makeBroker()]);
    });
    await this.makeLinks();
    await progress.step('migrations', () => this.migrate());
    await progress.step(`apps: ${APPS.join(', ')}`, async () => {
      for (const app of APPS) {
        this.launch(app);
      }
      await Promise.all(APPS.map((app) => this.app(app).ready()));
    });
  }

  private async makeDatabases(): Promise<void> {
    const template = join(this.folder, 'template');
    const { postgres: password } = this.secrets;
    await makeCluster({
      dataFolder: template,
      port: 0,
      password,
      logFile: join(this.logsFolder, 'initdb.log'),
      ephemeral: true,
    });
    const urls = SERVICES.map(async (service) => {
      copyCluster(template, this.dataFolder(service));
      await this.startDatabase(service);
      const made = await createDatabases({ url: this.superuserUrl(service), passwords: this.secrets.databases });
      return made[service];
    });
    const made = await Promise.all(urls);
    this.urls = recordOf(SERVICES, (service) => made[SERVICES.indexOf(service)] ?? '');
  }

  /** The server's small disk, or the stack's folder. */
  private diskOf(owner: DiskOwner): string {
    return this.disks.get(owner)?.folder ?? this.folder;
  }

  private async makeBroker(): Promise<void> {
    await this.startBroker();
    await provision(this.brokerUrl, this.brokerAdmin);
  }

  private async makeLinks(): Promise<void> {
    for (const service of SERVICES) {
      this.databaseLinks.set(service, await FaultyLink.to(this.databaseUrl(service)));
    }
    for (const app of APPS) {
      this.brokerLinks.set(app, await FaultyLink.to(this.brokerUrl));
    }
    this.envs = appEnvs({
      ports: this.ports.apps,
      secrets: this.secrets,
      databases: recordOf(SERVICES, (service) => this.databaseLink(service).url),
      broker: { url: this.brokerUrl, seeds: this.secrets.broker },
      orderDeadlineSeconds: ORDER_DEADLINE_SECONDS,
      requestsPerMinute: 1_000_000,
    });
  }

  private async migrate(): Promise<void> {
    const envs = known(this.envs, 'the links');
    await Promise.all(SERVICES.map((service) => migrate(service, envs[service])));
  }

  private launch(name: Caller): void {
    this.apps.set(name, this.process(name));
  }

  /** Starts an app; resolves when it is ready, with the milliseconds that took. */
  private async launched(name: Caller): Promise<number> {
    const startedAt = Date.now();
    this.launch(name);
    await this.app(name).ready();
    return Date.now() - startedAt;
  }

  private process(name: Caller, change: Record<string, string> = {}): AppProcess {
    const env = {
      ...known(this.envs, 'the links')[name],
      NATS_URL: this.brokerLink(name).url.replace(/\/$/, ''),
      ...this.options.environment,
      ...change,
    };
    return new AppProcess(name, env, join(this.logsFolder, `${name}.log`), this.options.apps);
  }
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) {
    throw new Error(`${what}: not there yet`);
  }
  return value;
}
