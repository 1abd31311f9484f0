import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuardedProcess, lastLines } from '@rookery/devkit/stack/guarded-process';
import { findNatsServer } from '@rookery/devkit/stack/nats-binary';
import { freePorts } from '@rookery/devkit/stack/ports';
import { repository } from '@rookery/devkit/stack/repository';
import { type Action, brokenPromises } from './page';

/** The command that a reader leaves running. */
const STAYS = 'npm start';
const DEFAULT_GATEWAY = 'http://localhost:3000';
const POLL_MS = 200;
/** Enough of an output to see what went wrong. */
const SHOWN_LINES = 40;
/** What a run of specs has told this process about itself, and what would choose another repository. */
const NOT_A_READERS = /^(?:E2E|GIT|JEST|NODE|NX|ROOKERY|TEST|VITEST)_/;

const PORTS = [
  'GATEWAY_PORT',
  'AUTH_PORT',
  'PRODUCTS_PORT',
  'ORDERS_PORT',
  'PAYMENTS_PORT',
  'EMBEDDED_POSTGRES_PORT',
  'EMBEDDED_NATS_PORT',
] as const;

/** A copy of the repository as it is on disk, committed or not, in which a tutorial is followed. */
export class WorkspaceCopy {
  private readonly servers: GuardedProcess[] = [];

  private constructor(
    private readonly folder: string,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  static async make(): Promise<WorkspaceCopy> {
    const ports = await freePorts(PORTS.length);
    const settings = {
      ...Object.fromEntries(PORTS.map((name, index) => [name, String(ports[index])])),
      // Otherwise each copy would fetch its own.
      NATS_SERVER_BIN: await findNatsServer({ binFolder: join(repository, '.data/bin') }),
    };
    const folder = mkdtempSync(join(tmpdir(), 'rookery-tutorial-'));
    // Postgres may run as another user, who must get through to its data.
    chmodSync(folder, 0o711);
    const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: repository,
      encoding: 'utf8',
    });
    for (const file of files.split('\0')) {
      if (file !== '' && existsSync(join(repository, file))) {
        cpSync(join(repository, file), join(folder, file));
      }
    }
    symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
    return new WorkspaceCopy(folder, settings);
  }

  /** @throws {Error} when an action does not work as its page says */
  async follow(action: Action): Promise<void> {
    if (action.kind === 'edit') {
      applyDiff(this.folder, action.diff);
      return;
    }
    const { commands, promised } = action;
    const { output, code } = commands === STAYS ? await this.start(promised) : await this.run(commands);
    const broken = brokenPromises(promised, output);
    // A promised output also promises how the commands end: one that fails says so.
    if (broken.length > 0 || (promised.length === 0 && code !== 0)) {
      const why = broken.length > 0 ? `no line of its output is “${broken.join('”, “')}”` : `it ended with ${code}`;
      throw new Error(`\`${commands}\`: ${why}. It printed:\n${endOf(output)}`);
    }
  }

  /** Runs commands in the copy, as a reader's shell does. */
  async run(commands: string): Promise<{ readonly output: string; readonly code: number | null }> {
    const inherited = Object.entries(process.env).filter(([name]) => !NOT_A_READERS.test(name));
    const shell = spawn('sh', ['-e', '-c', this.onItsPorts(commands)], {
      cwd: this.folder,
      env: { ...Object.fromEntries(inherited), ...this.settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    shell.stdout.on('data', (data: Buffer) => (output += data.toString()));
    shell.stderr.on('data', (data: Buffer) => (output += data.toString()));
    const code = await new Promise<number | null>((resolve, reject) => {
      shell.once('error', reject);
      shell.once('close', resolve);
    });
    return { output, code };
  }

  /** Stops what is running and deletes the copy. */
  async remove(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts the system; it runs until the copy is removed. */
  private async start(promised: readonly string[]): Promise<{ readonly output: string; readonly code: number | null }> {
    const [command = '', ...args] = STAYS.split(' ');
    const logFile = join(this.folder, 'npm-start.log');
    const server = new GuardedProcess({
      name: STAYS,
      command,
      args,
      logFile,
      stopSignal: 'SIGTERM',
      cwd: this.folder,
      env: this.settings,
    });
    this.servers.push(server);
    const output = (): string => lastLines(logFile, Number.POSITIVE_INFINITY);
    while (server.exitCode === undefined && brokenPromises(promised, output()).length > 0) {
      await sleep(POLL_MS);
    }
    return { output: output(), code: server.exitCode ?? 0 };
  }

  private onItsPorts(commands: string): string {
    return commands.replaceAll(DEFAULT_GATEWAY, `http://localhost:${this.settings['GATEWAY_PORT']}`);
  }
}

/**
 * Changes the files of a folder by a unified diff.
 * @throws {Error} when lines around a change are no longer in the file
 */
export function applyDiff(folder: string, diff: string): void {
  const { status, stderr } = spawnSync('git', ['apply', '-'], {
    cwd: folder,
    input: diff,
    encoding: 'utf8',
    // Inside another repository git would skip what is not below its root.
    env: { PATH: process.env['PATH'], GIT_CEILING_DIRECTORIES: dirname(folder) },
  });
  if (status !== 0) {
    throw new Error(`a diff does not apply; write its lines as the file has them:\n${stderr}`);
  }
}

const endOf = (output: string): string => output.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
