import { setTimeout as sleep } from 'node:timers/promises';

/** The pieces of work that have begun and not ended yet, so that a shutdown can wait for them. */
export class InFlight {
  private readonly running = new Set<Promise<unknown>>();

  get size(): number {
    return this.running.size;
  }

  /** Takes note of work that never rejects. */
  add(work: Promise<unknown>): void {
    this.running.add(work);
    void work.finally(() => this.running.delete(work));
  }

  /** Resolves when all of it has ended, also what begins meanwhile. */
  async settled(): Promise<void> {
    while (this.running.size > 0) {
      await Promise.all(this.running);
    }
  }
}

/** Whether `work` ends within `timeoutMs`; it is not stopped otherwise. */
export async function endsWithin(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  const timeout = new AbortController();
  try {
    return await Promise.race([work.then(() => true), sleep(timeoutMs, false, { signal: timeout.signal, ref: false })]);
  } finally {
    timeout.abort();
  }
}
