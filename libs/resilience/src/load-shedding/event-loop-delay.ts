import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often Node looks whether its timer came late, and how often what it saw is read. */
const RESOLUTION_MS = 10;
const READ_EVERY_MS = 500;

/**
 * How late this process's event loop is, in ms: the mean over the last half second. A pause of the garbage collector is a peak that
 * the mean hardly shows; a loop that has more to do than it can is late at every turn.
 */
export class EventLoopDelay {
  private readonly histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private readonly reading: NodeJS.Timeout;
  private delayMs = 0;

  constructor() {
    this.histogram.enable();
    this.reading = setInterval(() => this.read(), READ_EVERY_MS).unref();
  }

  get ms(): number {
    return this.delayMs;
  }

  stop(): void {
    clearInterval(this.reading);
    this.histogram.disable();
  }

  private read(): void {
    // The histogram holds the time from one look to the next, which is at least its resolution.
    this.delayMs = this.histogram.count === 0 ? 0 : Math.max(0, this.histogram.mean / 1e6 - RESOLUTION_MS);
    this.histogram.reset();
  }
}
