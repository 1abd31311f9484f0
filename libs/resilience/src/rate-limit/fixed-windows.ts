import type { Clock } from '@rookery/platform';

/** Callers remembered at a time; past it the oldest window is forgotten, so that made-up addresses cannot fill the memory. */
export const MAX_WINDOWS = 100_000;
/** Ended windows that one hit removes, at most. */
const FORGOTTEN_PER_HIT = 4;

interface Window {
  readonly endsAtMs: number;
  hits: number;
}

/** How a caller stands after one more hit. */
export interface WindowState {
  readonly hits: number;
  /** Until the window ends; at least 1. */
  readonly secondsLeft: number;
}

/** Counts hits per key in windows of one length that begin with a key's first hit. In this process only: see `SharedWindows`. */
export class FixedWindows {
  private readonly windows = new Map<string, Window>();

  constructor(
    readonly windowMs: number,
    private readonly clock: Clock,
  ) {}

  /** Keys remembered now. */
  get size(): number {
    return this.windows.size;
  }

  hit(key: string): WindowState {
    const nowMs = this.clock.now().getTime();
    this.forgetEnded(nowMs);
    const window = this.windowOf(key, nowMs);
    window.hits += 1;
    return { hits: window.hits, secondsLeft: secondsIn(window.endsAtMs - nowMs) };
  }

  private windowOf(key: string, nowMs: number): Window {
    const current = this.windows.get(key);
    if (current !== undefined && current.endsAtMs > nowMs) return current;
    // Deleted first, so that the map stays in the order in which windows began.
    this.windows.delete(key);
    if (this.windows.size >= MAX_WINDOWS) this.forgetOldest();
    const opened = { endsAtMs: nowMs + this.windowMs, hits: 0 };
    this.windows.set(key, opened);
    return opened;
  }

  /** More of them at each hit than a hit can add, so that all are gone soon and no hit takes long. They stand in the order of their ends. */
  private forgetEnded(nowMs: number): void {
    let left = FORGOTTEN_PER_HIT;
    for (const [key, { endsAtMs }] of this.windows) {
      if (endsAtMs > nowMs || left === 0) return;
      this.windows.delete(key);
      left -= 1;
    }
  }

  private forgetOldest(): void {
    const oldest = this.windows.keys().next();
    if (!oldest.done) this.windows.delete(oldest.value);
  }
}

/** What is left of a window, as headers say it: whole seconds, never 0. */
export const secondsIn = (ms: number): number => Math.max(1, Math.ceil(ms / 1_000));
