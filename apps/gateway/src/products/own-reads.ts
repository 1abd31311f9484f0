import { LRUCache } from 'lru-cache';
import type { KeptRead, KeptReads, Lookup } from './kept-reads';

/** Bounds of all answers together; what nobody asked for longest goes first. */
const MAX_BYTES = 32 * 1024 * 1024;
const MAX_ENTRIES = 50_000;
const MAX_MARKS = 50_000;
/** What an answer takes beside its texts: the entry, its places in the cache's lists, and the marks. Measured, and rounded up. */
const ENTRY_BYTES = 512;
/** A text with one letter beyond Latin-1 takes two bytes for each. */
const BYTES_PER_CHARACTER = 2;
/** How often answers that are past their time are looked for, at most. */
const PURGE_MS = 60_000;

/** How much is kept and how long. */
export interface OwnReadsOptions {
  /** Longest time that any answer is kept for, milliseconds. */
  readonly keepMs: number;
  readonly maxBytes?: number;
  readonly maxEntries?: number;
  readonly maxMarks?: number;
}

/** Answers in this process's memory: bounded in number, in what they take, and in time. */
export class OwnReads implements KeptReads {
  private readonly reads: LRUCache<string, KeptRead>;
  private readonly marks: LRUCache<string, string>;
  private readonly purgeEveryMs: number;
  private purgedAt = performance.now();
  private count = 0;
  /** What a mark that is not kept reads as. */
  private unmarked = '0';

  constructor(options: OwnReadsOptions) {
    const { keepMs, maxBytes = MAX_BYTES, maxEntries = MAX_ENTRIES, maxMarks = MAX_MARKS } = options;
    this.purgeEveryMs = Math.min(keepMs, PURGE_MS);
    this.reads = new LRUCache({ max: maxEntries, maxSize: maxBytes, sizeCalculation: bytesOf, ttl: keepMs });
    this.marks = new LRUCache<string, string>({
      max: maxMarks,
      // One that was pushed out must not look as if it had never been set: what was read without it no longer holds.
      dispose: (_value, _mark, reason) => {
        if (reason === 'evict') this.unmarked = this.next();
      },
    });
  }

  /** Answers that take memory now. */
  get size(): number {
    return this.reads.size;
  }

  async look(key: string, names: readonly string[]): Promise<Lookup> {
    const marks = names.map((name) => this.marks.get(name) ?? this.unmarked);
    return {
      kept: this.reads.get(key),
      marks,
      keep: async ({ body, tag }, at) => {
        this.purge();
        this.reads.set(key, { body, tag, at, marks });
      },
    };
  }

  async mark(names: readonly string[]): Promise<void> {
    for (const name of names) this.marks.set(name, this.next());
  }

  /** The cache itself drops an answer that is past its time only when it is asked for. */
  private purge(): void {
    const now = performance.now();
    if (now - this.purgedAt < this.purgeEveryMs) return;
    this.purgedAt = now;
    this.reads.purgeStale();
  }

  private next(): string {
    this.count += 1;
    return String(this.count);
  }
}

/** What an answer takes in memory; the key too, whose length a client could choose. */
function bytesOf({ body, tag, marks }: KeptRead, key: string): number {
  const characters = marks.reduce((sum, mark) => sum + (mark?.length ?? 0), key.length + body.length + tag.length);
  return ENTRY_BYTES + BYTES_PER_CHARACTER * characters;
}
