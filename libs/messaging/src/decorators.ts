import type { EventContract, EventOf, RpcContract } from '@rookery/contracts';
import { RPC_CONTRACT, type KeyedAnswer } from '@rookery/platform';
import { applyDecorators, SetMetadata } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import type { z } from 'zod';

/** Marks the handlers that `JetStreamServer` serves. */
export const JETSTREAM = Symbol('JETSTREAM');

/** What the handler of a contract returns: one that takes an idempotency key cannot be written without `Idempotency`. */
type Answered<Contract extends RpcContract> = Contract['idempotency'] extends 'key'
  ? Promise<KeyedAnswer<z.input<Contract['response']>>>
  : unknown;

/**
 * The method answers requests of this contract. Instances of a service share the work (queue group = service); the caller's
 * internal token is checked against the contract's scopes. The first parameter is the validated `RequestOf<typeof contract>`. A contract
 * that takes an idempotency key requires the `KeyedAnswer` of the service's `IdempotencyStore`.
 *
 * @example
 * \@RpcHandler(OrdersRpc.get)
 * get({ id }: RequestOf<typeof OrdersRpc.get>): Promise<OrderView> {
 *   return this.orders.get(id, requireActor());
 * }
 */
export const RpcHandler =
  <Contract extends RpcContract>(contract: Contract) =>
  <Handler extends (...parameters: never[]) => Answered<Contract>>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Handler>,
  ): void => {
    applyDecorators(MessagePattern(contract.subject, Transport.NATS), SetMetadata(RPC_CONTRACT, contract))(
      target,
      name,
      descriptor,
    );
    Payload({ schema: contract.request })(target, name, 0);
  };

/**
 * The method handles events of this contract, at least once each and those of one aggregate in their order.
 * `@Payload()` is the validated `EventOf<typeof contract>`. Resolving acks; throwing has it tried again;
 * throwing `PermanentFailure` sends it to the dead letters.
 */
export const OnEvent = <Contract extends EventContract>(contract: Contract) =>
  EventPattern<Readonly<Record<string, EventOf<Contract>>>>(contract.subject, JETSTREAM);
