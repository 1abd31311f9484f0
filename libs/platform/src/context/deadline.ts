/**
 * A point on this process's monotonic clock after which nobody waits any more. A class of its own, so that it cannot be taken for a time
 * of day or a duration: it means nothing in another process. What crosses a machine is `msLeft`, reckoned anew on arrival.
 */
export class Deadline {
  readonly #at: number;

  private constructor(at: number) {
    this.#at = at;
  }

  /** So many milliseconds from now. */
  static in(ms: number): Deadline {
    return new Deadline(performance.now() + ms);
  }

  /** The earliest of those that are given; undefined when none is. */
  static earliest(...deadlines: readonly (Deadline | undefined)[]): Deadline | undefined {
    const points = deadlines.flatMap((deadline) => (deadline === undefined ? [] : [deadline.#at]));
    return points.length === 0 ? undefined : new Deadline(Math.min(...points));
  }

  /** Milliseconds until then; 0 or less once it has passed. */
  get msLeft(): number {
    return this.#at - performance.now();
  }

  get hasPassed(): boolean {
    return this.msLeft <= 0;
  }

  /** The point so many milliseconds before this one. */
  earlierBy(ms: number): Deadline {
    return new Deadline(this.#at - ms);
  }
}
