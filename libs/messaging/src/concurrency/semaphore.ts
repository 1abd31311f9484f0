/**
 * Limits the pieces of work that run at a time; the others wait in FIFO order. Not cockatiel's `bulkhead`: there, work that arrives while a
 * slot passes on takes that slot, and the head of the queue goes back to its end.
 */
export class Semaphore {
  private readonly waiting: (() => void)[] = [];
  private free: number;

  constructor(permits: number) {
    this.free = permits;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) {
      this.free -= 1;
    } else {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) {
        this.free += 1;
      } else {
        next();
      }
    }
  }
}
