import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface GuardedCommand {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** What makes the server stop in good order. */
  readonly stopSignal: NodeJS.Signals;
  readonly cwd?: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Beyond what this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that dies with this process, however this process ends (see guard.mjs). */
export class GuardedProcess {
  private readonly guard: ChildProcess;
  private code: number | undefined;
  private stopping = false;
  /** Settles when the server has ended, with its exit code. */
  readonly ended: Promise<number>;

  constructor(private readonly what: GuardedCommand) {
    const { name, logFile, env, ...command } = what;
    const log = openSync(logFile, 'a');
    const guard = fileURLToPath(new URL('./guard.mjs', import.meta.url));
    this.guard = spawn(process.execPath, [guard, JSON.stringify({ name, ...command })], {
      stdio: ['pipe', log, log],
      detached: true,
      env: { ...process.env, ...env, NODE_OPTIONS: '' },
    });
    closeSync(log);
    // The pipe must not keep a process alive that has nothing else to do; closing it is how the guard learns of our end.
    this.guard.stdin?.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.guard.on('error', () => resolve((this.code = 127)));
      this.guard.on('exit', (code) => resolve((this.code = code ?? 1)));
    });
  }

  get logFile(): string {
    return this.what.logFile;
  }

  get exitCode(): number | undefined {
    return this.code;
  }

  /** True when it ended although nobody asked it to. */
  get diedByItself(): boolean {
    return this.code !== undefined && !this.stopping;
  }

  /** The end of its log, for messages. */
  lastLines(count = 15): string {
    return lastLines(this.what.logFile, count);
  }

  /** Stops it in good order and waits for its end. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.guard.stdin?.end();
    await this.ended;
  }
}

/** The last lines of a log file; empty when there is none. */
export function lastLines(file: string, count = 15): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '';
  }
}
