import type { KeyedRequest } from './keyed-request';

/** The answer to a request with an idempotency key, as its handler returns it. */
export class KeyedAnswer<Answer> {
  constructor(
    readonly answer: Answer,
    /** True when the key had been used before and this is the stored answer. */
    readonly replayed: boolean,
  ) {}

  /** The same answer in another form. */
  map<Other>(form: (answer: Answer) => Other): KeyedAnswer<Other> {
    return new KeyedAnswer(form(this.answer), this.replayed);
  }
}

/** Makes a request take effect once per key. Persistence implements it with a row of the service's own database. */
export abstract class Idempotency {
  /**
   * Runs work whose effect is not in the service's database, and stores its answer for 24 hours. A repeated request meanwhile
   * is refused; a failure frees the key. A process that crashes midway leaves the key in use for a minute, after
   * which the work may run a second time: it must be repeatable.
   * @throws {IdempotencyKeyInUse} 409 while the first request runs
   * @throws {IdempotencyKeyReused} 422 when the key belongs to another request
   */
  abstract act<Answer>(request: KeyedRequest<Answer>, work: () => Promise<Answer>): Promise<KeyedAnswer<Answer>>;
}
