import { UserError } from './user-error';

/** Signal that asks a program to stop. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** One Ctrl-C arrives twice: from the terminal, and forwarded by npm and the bootstrap. */
const SAME_PRESS_MS = 1_500;

/** What a program does when it is asked to stop, also while it is still starting. */
export class Shutdown {
  private readonly undo: (() => Promise<void> | void)[] = [];
  private readonly abort = new AbortController();
  private askedAt: number | undefined;
  private resolve: (signal: StopSignal) => void = () => undefined;
  /** Resolves when somebody asks for the end. */
  readonly asked = new Promise<StopSignal>((resolve) => {
    this.resolve = resolve;
  });

  constructor(say: (message: string) => void) {
    for (const signal of STOP_SIGNALS) {
      process.on(signal, () => {
        if (this.askedAt === undefined) {
          this.askedAt = Date.now();
          this.abort.abort();
          if (this.undo.length > 0) {
            say('stopping … (again to stop at once)');
          }
          this.resolve(signal);
        } else if (Date.now() - this.askedAt > SAME_PRESS_MS) {
          // The servers and apps end by themselves when this process does.
          process.exit(130);
        }
      });
    }
  }

  /** Aborted when somebody asks for the end. */
  get signal(): AbortSignal {
    return this.abort.signal;
  }

  /** Ends a start that is no longer wanted. */
  throwIfAsked(): void {
    if (this.signal.aborted) {
      throw new UserError('Stopped while starting.');
    }
  }

  /** Registers what to undo at the end, last first. */
  afterwards(undo: () => Promise<void> | void): void {
    this.undo.push(undo);
  }

  /** Undoes everything that was registered. */
  async run(): Promise<void> {
    for (let undo = this.undo.pop(); undo !== undefined; undo = this.undo.pop()) {
      await undo();
    }
  }
}
