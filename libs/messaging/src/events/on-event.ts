import type { EventContract, EventOf } from '@rookery/contracts';
import { EventPattern } from '@nestjs/microservices';

/** Marks the handlers that `JetStreamServer` serves. */
export const JETSTREAM = Symbol('JETSTREAM');

/**
 * The method handles events of this contract, at least once each and those of one aggregate in their order.
 * `@Payload()` is the validated `EventOf<typeof contract>`. Resolving acks; throwing has it tried again;
 * throwing `PermanentFailure` sends it to the dead letters.
 */
export const OnEvent = <Contract extends EventContract>(contract: Contract) =>
  EventPattern<Readonly<Record<string, EventOf<Contract>>>>(contract.subject, JETSTREAM);
