import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Service } from '@rookery/contracts';
import { repository } from '@rookery/devkit/stack/repository';
import { settingsBeside } from '@rookery/devkit/stack/settings-beside';
import { outputOf } from '@rookery/devkit/terminal/run-program';
import { UserError } from '@rookery/devkit/terminal/user-error';
import { cpuSecondsOf } from './process-use';

/** A first start may install packages and build. */
const READY_WITHIN_MS = 900_000;
const STOPPED_WITHIN_MS = 60_000;

/** A whole system, started by `npm start` of its own sources on ports and data of its own. */
export class StartedSystem {
  private constructor(
    readonly gatewayUrl: string,
    readonly authUrl: string,
    /** Where its sources and its built apps are. */
    readonly folder: string,
    /** Where its databases, logs and secrets are. */
    readonly dataFolder: string,
    private readonly postgresPort: string,
    private readonly process: ChildProcess,
    private readonly discard: () => Promise<void>,
  ) {}

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
    const settings = await settingsBeside();
    // Without the variables that name another system or database.
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn('npm', ['start'], {
      cwd: folder,
      env: { PATH, HOME, ...settings, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data: Buffer) => (output += data.toString()));
    }
    const gatewayUrl = `http://127.0.0.1:${settings['GATEWAY_PORT']}`;
    const system = new StartedSystem(
      gatewayUrl,
      `http://localhost:${settings['AUTH_PORT']}`,
      folder,
      env['ROOKERY_DATA_DIR'] ?? join(folder, '.data'),
      settings['EMBEDDED_POSTGRES_PORT'] ?? '',
      child,
      discard,
    );
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await answers(`${gatewayUrl}/readyz`)) || !(await answers(`${system.authUrl}/readyz`))) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await system.stop();
        throw new UserError(`The system in ${folder} did not start:\n${output.slice(-4_000)}`);
      }
      await sleep(500);
    }
    return system;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** The superuser's address of a service's database, for what the API does not tell. */
  databaseUrl(service: Service): string {
    const secrets: unknown = JSON.parse(readFileSync(join(this.dataFolder, 'secrets/secrets.json'), 'utf8'));
    const { postgres } = z.object({ postgres: z.string() }).parse(secrets);
    return `postgres://postgres:${encodeURIComponent(postgres)}@127.0.0.1:${this.postgresPort}/${service}`;
  }

  /** CPU-seconds of all its processes since they began; undefined where the platform does not tell. */
  get cpuSeconds(): number | undefined {
    return cpuSecondsOf(this.process.pid);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill();
      await Promise.race([ended, sleep(STOPPED_WITHIN_MS, undefined, { ref: false })]);
    }
    await this.discard();
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
