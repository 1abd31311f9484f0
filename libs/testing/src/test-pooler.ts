import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually';
import { accepts, freePort, programInPath } from './server-program';

/** The pgbouncer in PATH; undefined if there is none, so that specs that need it are skipped. */
export const pgbouncer: string | undefined = programInPath('pgbouncer');

/** `nobody` on every Linux. */
const NOBODY = 65_534;

/** A real PgBouncer in front of one database, with its defaults except the mode and the given settings. */
export class TestPooler {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    /** The database's address through the pooler. */
    readonly url: string,
  ) {}

  static async start(
    databaseUrl: string,
    mode: 'session' | 'transaction' | 'statement',
    settings: Readonly<Record<string, string>> = {},
  ): Promise<TestPooler> {
    if (pgbouncer === undefined) {
      throw new Error('there is no pgbouncer in the PATH');
    }
    const { hostname, port: serverPort, username, password, pathname } = new URL(databaseUrl);
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'rookery-pooler-'));
    const users = join(folder, 'users.txt');
    const configuration = join(folder, 'pgbouncer.ini');
    writeFileSync(users, `"${username}" "${password}"\n`);
    const all = {
      listen_addr: '127.0.0.1',
      listen_port: port,
      unix_socket_dir: '',
      auth_type: 'plain',
      auth_file: users,
      pool_mode: mode,
    };
    writeFileSync(
      configuration,
      [
        '[databases]',
        `* = host=${hostname} port=${serverPort}`,
        '[pgbouncer]',
        ...Object.entries({ ...all, ...settings }).map(([name, value]) => `${name} = ${value}`),
        '',
      ].join('\n'),
    );
    // PgBouncer does not run as root.
    const runAs = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
    if (runAs.uid !== undefined) {
      for (const path of [folder, users, configuration]) {
        chownSync(path, NOBODY, NOBODY);
      }
    }
    const running = spawn(pgbouncer, [configuration], { stdio: 'ignore', ...runAs });
    await eventually(() => accepts(port));
    return new TestPooler(running, folder, `postgres://${username}:${password}@127.0.0.1:${port}${pathname}`);
  }

  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
    rmSync(this.folder, { recursive: true });
  }
}
