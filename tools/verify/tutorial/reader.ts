import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GuardedProcess, lastLines } from '@rookery/devkit/stack/guarded-process';
import { repository } from '@rookery/devkit/stack/repository';
import { settingsBeside } from '@rookery/devkit/stack/settings-beside';
import { type Ended, WorkspaceCopy } from '../workspace/copy';
import { type Action, brokenPromises } from './page';

/** The command that a reader leaves running. */
const STAYS = 'npm start';
const DEFAULT_GATEWAY = 'http://localhost:3000';
const POLL_MS = 200;
/** Enough of an output to see what went wrong. */
const SHOWN_LINES = 40;
/** Follows a tutorial in a copy of the workspace. */
export class Reader {
  private readonly servers: GuardedProcess[] = [];

  private constructor(
    private readonly copy: WorkspaceCopy,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  static async start(): Promise<Reader> {
    const settings = await settingsBeside();
    return new Reader(new WorkspaceCopy(repository, settings), settings);
  }

  /** @throws {Error} when an action does not work as its page says */
  async follow(action: Action): Promise<void> {
    if (action.kind === 'edit') {
      applyDiff(this.copy.root, action.diff);
      return;
    }
    const { commands, promised } = action;
    const { said, code } = commands === STAYS ? await this.leaveRunning(promised) : await this.run(commands);
    const broken = brokenPromises(promised, said);
    // A promised output also promises how the commands end: one that fails says so.
    if (broken.length > 0 || (promised.length === 0 && code !== 0)) {
      const why = broken.length > 0 ? `no line of its output is “${broken.join('”, “')}”` : `it ended with ${code}`;
      throw new Error(`\`${commands}\`: ${why}. It printed:\n${endOf(said)}`);
    }
  }

  /** Runs commands as a reader's shell does. */
  run(commands: string): Promise<Ended> {
    const onItsPorts = commands.replaceAll(DEFAULT_GATEWAY, `http://localhost:${this.settings['GATEWAY_PORT']}`);
    return this.copy.run('sh', '-e', '-c', onItsPorts);
  }

  /** Stops what is running and deletes the copy. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
    await this.copy.remove();
  }

  /** Starts the system; it runs until the reader stops. */
  private async leaveRunning(promised: readonly string[]): Promise<Ended> {
    const [command = '', ...args] = STAYS.split(' ');
    const logFile = join(this.copy.root, 'npm-start.log');
    const server = new GuardedProcess({
      name: STAYS,
      command,
      args,
      logFile,
      stopSignal: 'SIGTERM',
      cwd: this.copy.root,
      env: this.settings,
    });
    this.servers.push(server);
    const said = (): string => lastLines(logFile, Number.POSITIVE_INFINITY);
    while (server.exitCode === undefined && brokenPromises(promised, said()).length > 0) {
      await sleep(POLL_MS);
    }
    return { said: said(), code: server.exitCode ?? 0 };
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
