/** Runs work of one key strictly one after the other, work of different keys at the same time. */
export class KeyedQueue {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Runs `work`, which never rejects, after all earlier work of `key`; resolves with what came of it. */
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
