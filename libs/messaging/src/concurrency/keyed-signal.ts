import { setTimeout as sleep } from 'node:timers/promises';

/** Tells those who wait for a key that something has happened to it. */
export class KeyedSignal {
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next `ring` of `key`, after `timeoutMs` at the latest, at once when `closing` aborts. */
  async next(key: string, timeoutMs: number, closing: AbortSignal): Promise<void> {
    const rung = new AbortController();
    const wake = (): void => rung.abort();
    const others = this.waiting.get(key) ?? new Set();
    this.waiting.set(key, others.add(wake));
    await sleep(timeoutMs, undefined, { signal: AbortSignal.any([rung.signal, closing]) }).catch(() => undefined);
    others.delete(wake);
    if (others.size === 0 && this.waiting.get(key) === others) {
      this.waiting.delete(key);
    }
  }

  /** Wakes all who wait for `key` now. */
  ring(key: string): void {
    for (const wake of this.waiting.get(key) ?? []) wake();
  }
}
