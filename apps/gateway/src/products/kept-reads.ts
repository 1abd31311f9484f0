/** Values of some marks at a time; in Redis a mark that was never set is null. */
export type Marks = readonly (string | null)[];

/** What products answered, ready to be sent. */
export interface Answer {
  /** JSON. */
  readonly body: string;
  /** Of exactly this answer, in quotes. */
  readonly tag: string;
}

/** An answer as it was read, with what tells whether it still holds. */
export interface KeptRead extends Answer {
  /** When it was asked for, milliseconds since the epoch. */
  readonly at: number;
  /** The marks before it was asked for: whatever changed since has set another. */
  readonly marks: Marks;
}

/** What is kept under a key now. */
export interface Lookup {
  readonly kept: KeptRead | undefined;
  /** As they are now. */
  readonly marks: Marks;
  /** Keeps an answer that was asked for after this look, in the place whose marks these are. */
  keep(answer: Answer, at: number): Promise<void>;
}

/**
 * Where answers are kept, beside marks that are set anew whenever something changed. An answer holds while its marks are what they
 * were before it was asked for; so an old answer that comes late, and is kept after the change, does not hold and does no harm.
 */
export interface KeptReads {
  /** What is kept under a key, and the named marks. */
  look(key: string, marks: readonly string[]): Promise<Lookup>;
  /** Sets these marks to values they never had. */
  mark(marks: readonly string[]): Promise<void>;
}
