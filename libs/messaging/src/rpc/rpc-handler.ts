import { applyDecorators, SetMetadata } from '@nestjs/common';
import { MessagePattern, Payload, Transport } from '@nestjs/microservices';
import type { z } from 'zod';
import type { RpcContract } from '@rookery/contracts';
import { type KeyedAnswer, RPC_CONTRACT } from '@rookery/platform';

/** Return type of the handler of a contract. A handler with an idempotency key does not compile without `Idempotency`. */
type Answered<Contract extends RpcContract> = Contract['idempotency'] extends 'key'
  ? Promise<KeyedAnswer<z.input<Contract['response']>>>
  : unknown;

/**
 * Makes a method the handler of a contract's requests. Instances of a service share the requests (queue group = service). A guard checks
 * the caller's internal token against the contract's scopes. The first parameter is the validated `RequestOf<typeof contract>`. A contract
 * with an idempotency key requires the `KeyedAnswer` of the service's `IdempotencyStore`.
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
