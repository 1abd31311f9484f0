import type { KeyedRequest } from './keyed-request';

/** The answer to a request with an idempotency key, as its handler returns it. */
export class KeyedAnswer<Answer> {
  constructor(
    readonly answer: Answer,
    /** This is the first answer again: the key had been used before. */
    readonly replayed: boolean,
  ) {}

  /** The same in another form. */
  map<Other>(form: (answer: Answer) => Other): KeyedAnswer<Other> {
    return new KeyedAnswer(form(this.answer), this.replayed);
  }
}

/** Makes a request take effect once per key. Persistence has the implementation: a row of the service's own database. */
export abstract class Idempotency {
  /**
   * Does work whose effect is not in the database of the service, and stores its answer for 24 hours. Whoever sends the request
   * again meanwhile is refused; a failure frees the key. A process that dies in the middle leaves the key in use for a minute, after
   * which the work may be done a second time: it must be harmless then.
   * @throws IdempotencyKeyInUse (409), IdempotencyKeyReused (422), and what the work throws
   */
  abstract act<Answer>(request: KeyedRequest<Answer>, work: () => Promise<Answer>): Promise<KeyedAnswer<Answer>>;
}
