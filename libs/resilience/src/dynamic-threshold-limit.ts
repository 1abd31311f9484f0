/**
 * A concurrency limit that several kinds of work share: one kind may hold no more slots than are free. So one that stalls gets at
 * most half of the slots, a second one a quarter, and another kind still finds some (the dynamic thresholds of Choudhury and Hahne,
 * 1998). With a single kind, half of the slots are used.
 *
 * @example
 * const limit = new DynamicThresholdLimit(256);
 * if (!limit.tryAcquire('orders.place')) throw new Overloaded();
 * try {
 *   await work();
 * } finally {
 *   limit.release('orders.place');
 * }
 */
export class DynamicThresholdLimit {
  private readonly held = new Map<string, number>();
  private total = 0;

  constructor(private readonly slots: number) {}

  /** Slots in use, of all kinds. */
  get inUse(): number {
    return this.total;
  }

  /** Acquires a slot if one is free for this kind. Each success needs one `release`. */
  tryAcquire(kind: string): boolean {
    if ((this.held.get(kind) ?? 0) >= this.slots - this.total) {
      return false;
    }
    this.acquire(kind);
    return true;
  }

  /** Acquires a slot even if none is free: for the one call that probes whether the others can go on. */
  acquire(kind: string): void {
    this.held.set(kind, (this.held.get(kind) ?? 0) + 1);
    this.total += 1;
  }

  /** Gives one slot back. */
  release(kind: string): void {
    const left = (this.held.get(kind) ?? 0) - 1;
    if (left > 0) {
      this.held.set(kind, left);
    } else {
      this.held.delete(kind);
    }
    this.total -= 1;
  }
}
