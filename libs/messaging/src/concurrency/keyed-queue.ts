/** Runs work of one key strictly in sequence, and work of different keys concurrently. */
export class KeyedQueue {
  private readonly tails = new Map<string, Promise<unknown>>();

  /**
   * Runs `work` after all earlier work of `key`.
   * @param work never rejects
   * @returns the result of the work
   */
  async run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const tail = (this.tails.get(key) ?? Promise.resolve()).then(work);
    this.tails.set(key, tail);
    const result = await tail;
    if (this.tails.get(key) === tail) {
      this.tails.delete(key);
    }
    return result;
  }
}
