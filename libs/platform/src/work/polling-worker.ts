import { setTimeout as sleep } from 'node:timers/promises';

/** What a `PollingWorker` does and how often. */
export interface PollingOptions {
  /**
   * One turn of the work. `stopping` aborts when the worker stops: the turn ends early and leaves the rest to the next process.
   * @returns true when more work may be due at once; the next turn then starts without a pause
   */
  readonly turn: (stopping: AbortSignal) => Promise<boolean> | Promise<void>;
  /** Pause between two turns, in ms. */
  readonly pollMs: number;
  /**
   * Delay before the first turn, in ms.
   * @default 0
   */
  readonly firstAfterMs?: number;
  /**
   * Pause after a number of consecutive failed turns, in ms. `wake` does not shorten this pause.
   * @default pollMs, which `wake` shortens
   */
  readonly retryMs?: (failures: number) => number;
  /** Called for the first of several consecutive failures: an outage is logged once and not once per turn. */
  readonly failed: (error: unknown) => void;
  /** Called for the first success after failures. */
  readonly recovered: (failures: number) => void;
}

/** Repeats one piece of work with a pause in between, never two turns at a time. A failed turn does not end it. */
export class PollingWorker {
  private stopping = new AbortController();
  /** Whether it was woken since the turn began. */
  private woken = false;
  private endPause: (() => void) | undefined;
  private running: Promise<void> | undefined;

  constructor(private readonly options: PollingOptions) {}

  /** Starts the turns and returns at once. Does nothing when they are running already. */
  start(): void {
    if (this.running !== undefined) {
      return;
    }
    this.stopping = new AbortController();
    this.running = this.work(this.stopping.signal);
  }

  /**
   * Ends the pause before the next turn; during a turn, the next one follows at once. The delay before the first turn and a pause of `retryMs`
   * keep their length.
   */
  wake(): void {
    this.woken = true;
    this.endPause?.();
  }

  /** Waits for the running turn and starts no further one. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.running;
    this.running = undefined;
  }

  private async work(stopping: AbortSignal): Promise<void> {
    const { turn, pollMs, firstAfterMs, retryMs, failed, recovered } = this.options;
    let failures = 0;
    if (firstAfterMs !== undefined) {
      await pause(firstAfterMs, stopping);
    }
    while (!stopping.aborted) {
      this.woken = false;
      try {
        const more = (await turn(stopping)) === true;
        if (failures > 0) {
          recovered(failures);
        }
        failures = 0;
        if (!more) {
          await this.pauseUntilWoken(pollMs);
        }
      } catch (error) {
        if (failures === 0) {
          failed(error);
        }
        failures += 1;
        await (retryMs === undefined ? this.pauseUntilWoken(pollMs) : pause(retryMs(failures), stopping));
      }
    }
  }

  /** Without an AbortController: each wake would make an error with its stack, and under load there are hundreds a second. */
  private async pauseUntilWoken(ms: number): Promise<void> {
    if (this.woken) {
      return;
    }
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = undefined;
  }
}

/** Ends early when the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
