/** A delivered event without a handler in this service. */
export interface PassedEvent {
  readonly id: string;
  /** A UUID. */
  readonly aggregateId: string;
  /** Its position among its aggregate's events: 1, 2, 3 …, at most 2^31 - 1. */
  readonly sequence: number;
  /** The event before it did not arrive in time: this one is recorded nevertheless. */
  readonly overtakes: boolean;
}

/**
 * Records the events that a service skips, so that the next event of the same aggregate need not wait for them. The inbox of
 * persistence implements it.
 */
export abstract class PassedEvents {
  /**
   * Records the event once, however often it is delivered.
   * @throws {DomainError} `EVENT_TOO_EARLY` while the event before it has been neither handled nor skipped
   */
  abstract pass(event: PassedEvent): Promise<void>;
}
