import { setTimeout as sleep } from 'node:timers/promises';

/** Tracks work in progress, so that a shutdown can wait for it. */
export class InFlight {
  private readonly running = new Set<Promise<unknown>>();

  get size(): number {
    return this.running.size;
  }

  /** @param work never rejects */
  add(work: Promise<unknown>): void {
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
  }

  /** Resolves when all work has ended, including work added in the meantime. */
  async settled(): Promise<void> {
    while (this.running.size > 0) {
      await Promise.all(this.running);
    }
  }
}

/** Whether `work` ends within `timeoutMs`. A timeout does not cancel the work. */
export async function endsWithin(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  const timeout = new AbortController();
  try {
    return await Promise.race([work.then(() => true), sleep(timeoutMs, false, { signal: timeout.signal, ref: false })]);
  } finally {
    timeout.abort();
  }
}
