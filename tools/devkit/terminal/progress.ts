import { UserError } from './user-error';

const seconds = (since: number): string => `${((Date.now() - since) / 1_000).toFixed(1)} s`;

export interface StepOptions {
  /** Whether to show that it runs, while it runs; false where others write to the terminal meanwhile. */
  readonly ticks: boolean;
}

/** Says what is being done and how long it takes: a live line on a terminal, plain lines elsewhere. */
export class Progress {
  private readonly running = new Map<string, number>();
  private readonly started = Date.now();
  private readonly live = process.stderr.isTTY;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly quiet = false) {}

  /** Since this was made. */
  get elapsed(): string {
    return seconds(this.started);
  }

  /** Runs one step; steps may run side by side. */
  async step<T>(what: string, work: () => Promise<T>, { ticks }: StepOptions = { ticks: true }): Promise<T> {
    const since = Date.now();
    if (ticks) {
      this.running.set(what, since);
      this.timer ??= setInterval(() => this.tick(), this.live ? 500 : 10_000).unref();
    }
    try {
      const result = await work();
      this.running.delete(what);
      this.say(`✓ ${what} (${seconds(since)})`);
      return result;
    } catch (error) {
      this.running.delete(what);
      this.say(`✗ ${what} (${seconds(since)})`);
      throw error;
    } finally {
      if (this.running.size === 0) {
        clearInterval(this.timer);
        this.timer = undefined;
        this.clearLine();
      }
    }
  }

  /** One line. */
  readonly say = (message: string): void => {
    if (this.quiet) {
      return;
    }
    this.clearLine();
    process.stderr.write(`  ${message}\n`);
  };

  private tick(): void {
    if (this.quiet) {
      return;
    }
    const line = [...this.running].map(([what, since]) => `${what} … ${seconds(since)}`).join(' · ');
    if (!this.live) {
      process.stderr.write(`  ${line}\n`);
    } else {
      process.stderr.write(`\r\u001b[K  ${line.slice(0, process.stderr.columns - 4)}`);
    }
  }

  private clearLine(): void {
    if (this.live && !this.quiet) {
      process.stderr.write('\r\u001b[K');
    }
  }
}

/** Prints what went wrong: a UserError as it is, anything else with its stack, for it is a bug. */
export function printFailure(error: unknown): void {
  if (error instanceof UserError) {
    process.stderr.write(`\n${error.message}\n`);
  } else {
    process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  }
}
