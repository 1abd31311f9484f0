/** An event that a service is delivered and has no handler for. */
export interface PassedEvent {
  readonly id: string;
  /** A UUID. */
  readonly aggregateId: string;
  /** Its position among its aggregate's events: 1, 2, 3 …, at most 2^31 - 1. */
  readonly sequence: number;
  /** The event before it did not come in time: it is noted all the same. */
  readonly overtakes: boolean;
}

/**
 * Notes the events that a service passes by, so that the next event of the same aggregate need not wait for them. Persistence has the
 * implementation: the inbox.
 */
export abstract class PassedEvents {
  /** Notes one, once, however often it is delivered. Throws `EVENT_TOO_EARLY` while the event before it has been neither handled nor passed. */
  abstract pass(event: PassedEvent): Promise<void>;
}
