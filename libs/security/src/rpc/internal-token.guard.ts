import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { RpcContract } from '@rookery/contracts';
import { currentContext, RPC_CONTRACT } from '@rookery/platform';
import { InsufficientScope } from '../http/challenges';
import { InternalTokenVerifier, InvalidInternalToken } from './internal-token';

/** Nest's metadata key for the kind of a handler, and its value for events. */
const HANDLER_TYPE = 'microservices:handler_type';
const EVENT = 2;

/**
 * Global guard of requests over NATS: verifies the message's internal token, sets its actor in the context, and checks the scopes of
 * the contract. A missing or invalid token is 401, a missing scope 403. A request handler without a contract is rejected. Events
 * carry no token: the broker's permissions decide who can publish them.
 */
@Injectable()
export class InternalTokenGuard implements CanActivate {
  constructor(
    @Inject(InternalTokenVerifier) private readonly verifier: InternalTokenVerifier,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    if (execution.getType() !== 'rpc') {
      return true;
    }
    const handler = execution.getHandler();
    if (this.reflector.get<unknown>(HANDLER_TYPE, handler) === EVENT) {
      return true;
    }
    const contract = this.reflector.get<RpcContract | undefined>(RPC_CONTRACT, handler);
    const context = currentContext();
    if (contract === undefined || context?.authorization === undefined) {
      throw new InvalidInternalToken();
    }
    const { actor } = await this.verifier.verify(context.authorization.replace(/^Bearer /i, ''));
    context.actor = actor;
    const held = actor?.scopes ?? [];
    if (!contract.scopes.every((scope) => held.includes(scope))) {
      throw new InsufficientScope(contract.scopes);
    }
    return true;
  }
}
