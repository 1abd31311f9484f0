/**
 * Places for so many pieces of work at a time, shared by their kinds: one kind may hold no more places than are free. So one that
 * stalls gets at most half of them, a second one a quarter, and whoever comes next still finds some (the dynamic thresholds of
 * Choudhury and Hahne, 1998). With one kind only, half of the places are used.
 */
export class SharedLimit {
  readonly #held = new Map<string, number>();
  #taken = 0;

  constructor(private readonly places: number) {}

  /** Places that are taken, of all kinds. */
  get taken(): number {
    return this.#taken;
  }

  /** Takes a place, if there is one for this kind; then `leave` must be called once. */
  enter(kind: string): boolean {
    if ((this.#held.get(kind) ?? 0) >= this.places - this.#taken) return false;
    this.take(kind);
    return true;
  }

  /** Takes a place, also when there is none: for the one piece of work that finds out whether the others can go on. */
  take(kind: string): void {
    this.#held.set(kind, (this.#held.get(kind) ?? 0) + 1);
    this.#taken += 1;
  }

  leave(kind: string): void {
    const left = (this.#held.get(kind) ?? 0) - 1;
    if (left > 0) this.#held.set(kind, left);
    else this.#held.delete(kind);
    this.#taken -= 1;
  }
}
