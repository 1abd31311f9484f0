/**
 * A point on this process's monotonic clock after which the caller has stopped waiting. A class of its own, so that it cannot be mistaken for a
 * time of day or a duration: it has no meaning in another process. Between machines only `msLeft` travels, measured from the arrival.
 */
export class Deadline {
  private constructor(private readonly at: number) {}

  /** The point this many milliseconds from now. */
  static in(ms: number): Deadline {
    return new Deadline(performance.now() + ms);
  }

  /** The earliest of the given deadlines; undefined without any. */
  static earliest(...deadlines: readonly (Deadline | undefined)[]): Deadline | undefined {
    const points = deadlines.flatMap((deadline) => (deadline === undefined ? [] : [deadline.at]));
    return points.length === 0 ? undefined : new Deadline(Math.min(...points));
  }

  /** Milliseconds until the deadline; 0 or less once it has passed. */
  get msLeft(): number {
    return this.at - performance.now();
  }

  get hasPassed(): boolean {
    return this.msLeft <= 0;
  }

  /** The point this many milliseconds before this one. */
  earlierBy(ms: number): Deadline {
    return new Deadline(this.at - ms);
  }
}
