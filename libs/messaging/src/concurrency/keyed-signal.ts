import { setTimeout as sleep } from 'node:timers/promises';

/** Notifies the waiters of a key. */
export class KeyedSignal {
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next `notify` of `key`, after `timeoutMs`, or when `closing` aborts, whichever comes first. */
  async next(key: string, timeoutMs: number, closing: AbortSignal): Promise<void> {
    const notified = new AbortController();
    const wake = (): void => notified.abort();
    const waiters = this.waiting.get(key) ?? new Set();
    this.waiting.set(key, waiters.add(wake));
    await sleep(timeoutMs, undefined, { signal: AbortSignal.any([notified.signal, closing]) }).catch(() => undefined);
    waiters.delete(wake);
    if (waiters.size === 0 && this.waiting.get(key) === waiters) {
      this.waiting.delete(key);
    }
  }

  /** Wakes all current waiters of `key`. */
  notify(key: string): void {
    for (const wake of this.waiting.get(key) ?? []) {
      wake();
    }
  }
}
