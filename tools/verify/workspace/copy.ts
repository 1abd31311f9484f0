import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readWorkspace } from '@rookery/release/eject/workspace';

/** What a run of specs has told this process about itself, and what would choose another repository. */
const NOT_FOR_A_COPY = /^(?:E2E|GIT|JEST|NODE|NX|ROOKERY|TEST)_/;

/** What a program said, and how it ended. */
export interface Ended {
  readonly code: number | null;
  /** Of both streams. */
  readonly said: string;
}

/** A copy of the workspace, with what is not committed, in a git repository of its own. It shares the installed packages. */
export class WorkspaceCopy {
  readonly root = mkdtempSync(join(tmpdir(), 'rookery-copy-'));
  private readonly running = new Set<ChildProcess>();

  constructor(
    of: string,
    /** Put over the environment of its programs. */
    private readonly settings: Readonly<Record<string, string>> = {},
  ) {
    // Postgres may run as another user, who must get through to its data.
    chmodSync(this.root, 0o711);
    for (const path of readWorkspace(of).keys()) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true });
      cpSync(join(of, path), join(this.root, path));
    }
    // Links, so that what programs leave beside the packages (caches, stamps) is the copy's own. With npm's list of them, or the first npm script would install.
    const modules = join(this.root, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(of, 'node_modules')).filter(
      (entry) => !entry.startsWith('.') || ['.bin', '.package-lock.json'].includes(entry),
    )) {
      symlinkSync(join(of, 'node_modules', name), join(modules, name));
    }
    this.git('init', '--quiet');
    this.commit();
  }

  /** Commits everything. */
  commit(): void {
    this.git('add', '--all');
    const author = ['-c', 'user.name=copy', '-c', 'user.email=copy@localhost', '-c', 'core.hooksPath=/dev/null'];
    this.git(...author, 'commit', '--quiet', '--allow-empty', '--message', 'chore: a copy');
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', args, { cwd: this.root, encoding: 'utf8', stdio: 'pipe' });
  }

  /** Runs a command of the copy's own program. */
  command(...args: readonly string[]): Promise<Ended> {
    return this.run(process.execPath, '--import', 'tsx', join(this.root, 'tools/cli/main.ts'), ...args);
  }

  /** Runs a program in the copy. */
  run(command: string, ...args: readonly string[]): Promise<Ended> {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_FOR_A_COPY.test(name)));
    const env = { ...inherited, NX_DAEMON: 'false', NX_TUI: 'false', ...this.settings };
    const child = spawn(command, args, { cwd: this.root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.running.add(child);
    let said = '';
    child.stdout.on('data', (data: Buffer) => (said += data.toString()));
    child.stderr.on('data', (data: Buffer) => (said += data.toString()));
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.running.delete(child);
        resolve({ code, said });
      });
    });
  }

  /** Ends what runs in it, and deletes it. */
  async remove(): Promise<void> {
    await Promise.all(
      [...this.running].map(async (child) => {
        const closed = new Promise((resolve) => child.once('close', resolve));
        child.kill();
        await closed;
      }),
    );
    rmSync(this.root, { recursive: true, force: true });
  }
}
