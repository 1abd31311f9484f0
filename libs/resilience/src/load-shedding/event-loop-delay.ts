import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Sampling interval of the histogram, and how often its mean is read. */
const RESOLUTION_MS = 10;
const READ_EVERY_MS = 500;

/**
 * The delay of this process's event loop, milliseconds: the mean of the last half second. The mean hardly shows a garbage collector
 * pause, which is a single peak; an overloaded loop is late at every turn.
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
    // The histogram holds the time between two samples, which is at least its resolution.
    this.delayMs = this.histogram.count === 0 ? 0 : Math.max(0, this.histogram.mean / 1e6 - RESOLUTION_MS);
    this.histogram.reset();
  }
}
