import { EventPattern } from '@nestjs/microservices';
import type { EventContract, EventOf } from '@rookery/contracts';

/** Transport id of the handlers that `JetStreamServer` serves. */
export const JETSTREAM = Symbol('JETSTREAM');

/**
 * Makes a method the handler of a contract's events: at least once each, those of one aggregate in order. `@Payload()` is the validated
 * `EventOf<typeof contract>`. A resolved promise acks the event, an error causes a retry, and `PermanentFailure` makes it a dead letter.
 *
 * @example
 * \@OnEvent(OrderCreated)
 * async orderCreated(event: EventOf<typeof OrderCreated>): Promise<void> {
 *   await this.inbox.once(event, (tx) => this.reservations.reserve(tx, event.data));
 * }
 */
export const OnEvent = <Contract extends EventContract>(contract: Contract) =>
  EventPattern<Readonly<Record<string, EventOf<Contract>>>>(contract.subject, JETSTREAM);
