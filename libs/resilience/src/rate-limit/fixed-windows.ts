import type { Clock } from '@rookery/platform';

/** Most keys held at a time; beyond it the oldest window is dropped, so that made-up addresses cannot fill the memory. */
export const MAX_WINDOWS = 100_000;
/** Most expired windows that one hit removes. */
const REMOVED_PER_HIT = 4;

interface Window {
  readonly endsAtMs: number;
  hits: number;
}

/** The state of a key's window after one more hit. */
export interface WindowState {
  readonly hits: number;
  /** Whole seconds until the window ends; at least 1. */
  readonly secondsLeft: number;
}

/**
 * Counts hits per key in windows of a fixed length that start with a key's first hit. Counts in this process only: see
 * `SharedWindows`. Our own, because `RateLimiterMemory` of rate-limiter-flexible holds any number of keys, each with a timer.
 */
export class FixedWindows {
  private readonly windows = new Map<string, Window>();

  constructor(
    readonly windowMs: number,
    private readonly clock: Clock,
  ) {}

  /** Number of keys held now. */
  get size(): number {
    return this.windows.size;
  }

  hit(key: string): WindowState {
    const nowMs = this.clock.now().getTime();
    this.removeExpired(nowMs);
    const window = this.windowOf(key, nowMs);
    window.hits += 1;
    return { hits: window.hits, secondsLeft: secondsIn(window.endsAtMs - nowMs) };
  }

  private windowOf(key: string, nowMs: number): Window {
    const current = this.windows.get(key);
    if (current !== undefined && current.endsAtMs > nowMs) {
      return current;
    }
    // Deleted first, so that the map stays ordered by the start of the windows.
    this.windows.delete(key);
    if (this.windows.size >= MAX_WINDOWS) {
      this.removeOldest();
    }
    const opened = { endsAtMs: nowMs + this.windowMs, hits: 0 };
    this.windows.set(key, opened);
    return opened;
  }

  /** Removes more windows than a hit can add, so that all are gone soon and no hit takes long. The map is ordered by their ends. */
  private removeExpired(nowMs: number): void {
    let left = REMOVED_PER_HIT;
    for (const [key, { endsAtMs }] of this.windows) {
      if (endsAtMs > nowMs || left === 0) {
        return;
      }
      this.windows.delete(key);
      left -= 1;
    }
  }

  private removeOldest(): void {
    const oldest = this.windows.keys().next();
    if (!oldest.done) {
      this.windows.delete(oldest.value);
    }
  }
}

/** The rest of a window as response headers show it: whole seconds, never 0. */
export const secondsIn = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));
