/**
 * Limits retries: one for every ten calls, plus ten saved ones. So retries add at most a tenth to the load of a failing dependency
 * (gRPC A6, "throttling retry attempts", with a token ratio of 0.1).
 */
export class RetryBudget {
  private tokens: number;

  constructor(
    private readonly ratio = 0.1,
    private readonly saved = 10,
  ) {
    this.tokens = saved;
  }

  /** Counts a first attempt. */
  earn(): void {
    this.tokens = Math.min(this.saved, this.tokens + this.ratio);
  }

  /** Whether a retry is allowed; if so, it is counted. */
  spend(): boolean {
    if (this.tokens < 1) {
      return false;
    }
    this.tokens -= 1;
    return true;
  }
}
