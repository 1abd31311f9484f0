/** Runs work of one key strictly one after the other, work of different keys at the same time. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work`, which never rejects, after all earlier work of `key`; resolves when it has ended. */
  async run(key: string, work: () => Promise<void>): Promise<void> {
    const tail = (this.#tails.get(key) ?? Promise.resolve()).then(work);
    this.#tails.set(key, tail);
    await tail;
    if (this.#tails.get(key) === tail) {
      this.#tails.delete(key);
    }
  }
}
