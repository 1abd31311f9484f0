import { LRUCache } from 'lru-cache';
import type { KeptRead, KeptReads, Lookup } from './kept-reads';

/** Characters of all answers together; what nobody asked for longest goes first. */
const MAX_CHARACTERS = 16 * 1024 * 1024;
const MAX_MARKS = 50_000;

/** Answers in this process's memory, bounded. */
export class OwnReads implements KeptReads {
  private readonly reads: LRUCache<string, KeptRead>;
  private readonly marks: LRUCache<string, string>;
  private count = 0;
  /** What a mark that is not kept reads as. */
  private unmarked = '0';

  constructor({ maxCharacters = MAX_CHARACTERS, maxMarks = MAX_MARKS } = {}) {
    this.reads = new LRUCache({ maxSize: maxCharacters, sizeCalculation: ({ body }) => body.length + 1 });
    this.marks = new LRUCache<string, string>({
      max: maxMarks,
      // One that was pushed out must not look as if it had never been set: what was read without it no longer holds.
      dispose: (_value, _mark, reason) => {
        if (reason === 'evict') this.unmarked = this.next();
      },
    });
  }

  async look(key: string, names: readonly string[]): Promise<Lookup> {
    const marks = names.map((name) => this.marks.get(name) ?? this.unmarked);
    return {
      kept: this.reads.get(key),
      marks,
      keep: async ({ body, tag }, at) => {
        this.reads.set(key, { body, tag, at, marks });
      },
    };
  }

  async mark(names: readonly string[]): Promise<void> {
    for (const name of names) this.marks.set(name, this.next());
  }

  private next(): string {
    this.count += 1;
    return String(this.count);
  }
}
