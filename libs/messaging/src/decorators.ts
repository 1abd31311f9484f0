import type { EventContract, EventOf, RpcContract } from '@rookery/contracts';
import { RPC_CONTRACT } from '@rookery/platform';
import { applyDecorators, SetMetadata } from '@nestjs/common';
import { EventPattern, MessagePattern, Transport } from '@nestjs/microservices';

/** Marks the handlers that `JetStreamServer` serves. */
export const JETSTREAM = Symbol('JETSTREAM');

/**
 * The method answers requests of this contract. Instances of a service share the work (queue group = service); the caller's
 * internal token is checked against the contract's scopes. Take the body with `@Payload({ schema: contract.request })`.
 */
export const RpcHandler = (contract: RpcContract): MethodDecorator =>
  applyDecorators(MessagePattern(contract.subject, Transport.NATS), SetMetadata(RPC_CONTRACT, contract));

/**
 * The method handles events of this contract, at least once each and those of one aggregate in their order.
 * `@Payload()` is the validated `EventOf<typeof contract>`. Resolving acks; throwing has it tried again;
 * throwing `PermanentFailure` sends it to the dead letters.
 */
export const OnEvent = <Contract extends EventContract>(contract: Contract) =>
  EventPattern<Readonly<Record<string, EventOf<Contract>>>>(contract.subject, JETSTREAM);
