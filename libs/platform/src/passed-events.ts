/** An event that a service receives and has no handler for. */
export interface PassedEvent {
  readonly id: string;
  /** A UUID. */
  readonly aggregateId: string;
  /** Position among the events of its aggregate: 1, 2, 3 …, at most 2^31 - 1. */
  readonly sequence: number;
  /** Whether the previous event did not arrive within the gap timeout: this one is recorded nevertheless. */
  readonly skipsGap: boolean;
}

/**
 * Records the events that a service does not handle, so that the next event of the same aggregate does not wait for them. The inbox of
 * libs/persistence implements it.
 */
export abstract class PassedEvents {
  /**
   * Records the event once, however often it is delivered.
   * @throws {DomainError} with code `EVENT_TOO_EARLY` while the previous event has been neither handled nor passed
   */
  abstract pass(event: PassedEvent): Promise<void>;
}
