import { type CanActivate, type ExecutionContext, Inject, Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Scope } from '@rookery/contracts';
import { requireContext } from '@rookery/platform';
import { InsufficientScope, MissingToken } from './challenges';

const SCOPES = 'rookery:scopes';

/** Scopes that the caller of a route must hold, all of them. */
export const RequireScopes = (...scopes: readonly Scope[]) => SetMetadata(SCOPES, scopes);

/** Global guard: 403 `auth.insufficient-scope` with the challenge of RFC 6750 when the token lacks a scope of the route. */
@Injectable()
export class ScopesGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') {
      return true;
    }
    const required =
      this.reflector.getAllAndOverride<readonly Scope[] | undefined>(SCOPES, [
        context.getHandler(),
        context.getClass(),
      ]) ?? [];
    if (required.length === 0) {
      return true;
    }
    const { actor } = requireContext();
    if (actor === undefined) {
      throw new MissingToken();
    }
    if (!required.every((scope) => actor.scopes.includes(scope))) {
      throw new InsufficientScope(required);
    }
    return true;
  }
}
