import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Caller, Service } from '@rookery/contracts';
import { repository } from '@rookery/devkit/stack/repository';
import { settingsBeside } from '@rookery/devkit/stack/settings-beside';
import { outputOf } from '@rookery/devkit/terminal/run-program';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { cpuSecondsOf, familyOf, isAlive, pidIn } from './process-use';

/** A first start may install packages and build. */
const READY_WITHIN_MS = 900_000;
const STOPPED_WITHIN_MS = 60_000;

const LOOK_EVERY_MS = 50;

/** What is read of a system's secrets, also of earlier commits. */
const Secrets = z.object({ postgres: z.string(), broker: z.object({ admin: z.string() }) });

/** What a system is started from. */
interface Place {
  readonly folder: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly dataFolder: string;
  readonly discard: () => Promise<void>;
}

/** A whole system, started by `npm start` of its own sources on ports and data of its own. */
export class StartedSystem {
  private constructor(
    readonly gatewayUrl: string,
    readonly authUrl: string,
    private readonly process: ChildProcess,
    private readonly place: Place,
  ) {}

  /** Time from `npm start` until gateway and auth were ready. */
  readyMs = Number.NaN;

  /** Where its sources and the built apps are. */
  get folder(): string {
    return this.place.folder;
  }

  /** Where its databases, logs and secrets are, with the environment of each app in `env`. */
  get dataFolder(): string {
    return this.place.dataFolder;
  }

  /** Number of the process of an app; undefined where the platform does not tell. */
  pidOf(app: Caller): number | undefined {
    return pidIn(this.process.pid, join('dist/apps', app, 'main.js'));
  }

  /** The system of this work tree. */
  static here(): Promise<StartedSystem> {
    const data = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
    return StartedSystem.start(repository, { ROOKERY_DATA_DIR: data }, async () => {
      rmSync(data, { recursive: true, force: true });
    });
  }

  /**
   * The system of a commit, in a clone of its own. The clone and what it installed stay in the temporary folder for the next run; its data
   * does not.
   * @throws {UserError} when Git does not know the commit
   */
  static async of(ref: string): Promise<StartedSystem> {
    const commit = await outputOf('git', ['-C', repository, 'rev-parse', '--verify', `${ref}^{commit}`]).catch(() => {
      throw new UserError(`Git does not know the commit ${ref}.`, 'git log --oneline names the commits');
    });
    const clone = join(tmpdir(), `rookery-bench-${commit}`);
    if (!existsSync(join(clone, 'package.json'))) {
      await outputOf('git', ['clone', '--quiet', '--shared', '--no-checkout', repository, clone]);
      await outputOf('git', ['-C', clone, 'checkout', '--quiet', '--detach', commit]);
    }
    const discard = async () => rmSync(join(clone, '.data'), { recursive: true, force: true });
    await discard();
    return StartedSystem.start(clone, {}, discard);
  }

  private static async start(
    folder: string,
    env: Readonly<Record<string, string>>,
    discard: () => Promise<void>,
  ): Promise<StartedSystem> {
    const settings = { ...(await settingsBeside()), ...env };
    const place = { folder, settings, dataFolder: settings['ROOKERY_DATA_DIR'] ?? join(folder, '.data'), discard };
    return StartedSystem.startAt(place);
  }

  private static async startAt(place: Place): Promise<StartedSystem> {
    const { folder, settings } = place;
    // Without the variables that name another system or database.
    const { PATH = '', HOME = '' } = process.env;
    const startedAt = performance.now();
    const child = spawn('npm', ['start'], {
      cwd: folder,
      env: { PATH, HOME, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => (output += data.toString()));
    }
    const gatewayUrl = `http://127.0.0.1:${settings['GATEWAY_PORT']}`;
    const system = new StartedSystem(gatewayUrl, `http://localhost:${settings['AUTH_PORT']}`, child, place);
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await answers(`${gatewayUrl}/readyz`)) || !(await answers(`${system.authUrl}/readyz`))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await system.stop();
        throw new UserError(`The system in ${folder} did not start:\n${output.slice(-4_000)}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
    system.readyMs = performance.now() - startedAt;
    return system;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** The superuser's address of a service's database, for what the API does not tell. */
  databaseUrl(service: Service): string {
    return `postgres://postgres:${encodeURIComponent(this.secrets.postgres)}@127.0.0.1:${this.databasePort}/${service}`;
  }

  /** Where all its databases are. */
  get databasePort(): number {
    return Number(this.place.settings['EMBEDDED_POSTGRES_PORT']);
  }

  /** Address of its broker, and the seed of the broker's admin. */
  get broker(): { readonly url: string; readonly nkeySeed: string } {
    return {
      url: `nats://127.0.0.1:${this.place.settings['EMBEDDED_NATS_PORT']}`,
      nkeySeed: this.secrets.broker.admin,
    };
  }

  private get secrets(): z.infer<typeof Secrets> {
    return Secrets.parse(JSON.parse(readFileSync(join(this.dataFolder, 'secrets/secrets.json'), 'utf8')));
  }

  /** CPU-seconds of all its processes since they began; undefined where the platform does not tell. */
  get cpuSeconds(): number | undefined {
    return cpuSecondsOf(this.process.pid);
  }

  /** Ends it and starts it again, on the same data. */
  async restarted(): Promise<StartedSystem> {
    await this.end();
    return StartedSystem.startAt(this.place);
  }

  /** Ends it and deletes its data. */
  async stop(): Promise<void> {
    await this.end();
    await this.place.discard();
  }

  /** Ends it and keeps its data, for `restarted`. */
  async end(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return;
    }
    const all = familyOf(this.process.pid);
    const ended = once(this.process, 'exit');
    this.process.kill();
    await Promise.race([ended, sleep(STOPPED_WITHIN_MS, undefined, { ref: false })]);
    // npm ends before what it started.
    const deadline = Date.now() + STOPPED_WITHIN_MS;
    while (all.some(isAlive) && Date.now() < deadline) {
      await sleep(LOOK_EVERY_MS);
    }
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
