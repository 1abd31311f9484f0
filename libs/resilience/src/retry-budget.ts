/**
 * How many repetitions there may be: one for every ten calls, and ten that were saved up. A dependency that is in trouble gets at most a
 * tenth more calls for it (gRPC A6, "throttling retry attempts", with a token ratio of 0.1).
 */
export class RetryBudget {
  #tokens: number;

  constructor(
    private readonly ratio = 0.1,
    private readonly saved = 10,
  ) {
    this.#tokens = saved;
  }

  /** Counts a call that is made for the first time. */
  earn(): void {
    this.#tokens = Math.min(this.saved, this.#tokens + this.ratio);
  }

  /** Whether one may be repeated; then it counts as repeated. */
  spend(): boolean {
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
