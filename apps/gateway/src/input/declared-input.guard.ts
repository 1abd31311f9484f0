import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { escapeToken, InvalidInput } from '@rookery/platform';
import type { FastifyRequest } from 'fastify';

/** More names than this help nobody. */
const MAX_ERRORS = 20;

/**
 * Refuses query parameters and body fields on a route that declares none, where no schema would look at them: what a client
 * sends is either used or refused, never quietly dropped. An empty object is no body: some clients always send one.
 */
@Injectable()
export class DeclaredInputGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query, body } = context.switchToHttp().getRequest<FastifyRequest>();
    refuse('#/query', query, () => declares(context, RouteParamtypes.QUERY));
    refuse('', body, () => declares(context, RouteParamtypes.BODY));
    return true;
  }
}

function refuse(root: string, given: unknown, isDeclared: () => boolean): void {
  if (given === undefined || given === null) return;
  const names = typeof given === 'object' ? Object.keys(given).map((name) => `/${escapeToken(name)}`) : [''];
  if (names.length === 0 || isDeclared()) return;
  throw new InvalidInput(
    names.slice(0, MAX_ERRORS).map((name) => ({ pointer: `${root}${name}`, detail: 'is not known here' })),
  );
}

/** A route that takes the whole request sees to all of its parts itself. */
function declares(context: ExecutionContext, kind: RouteParamtypes): boolean {
  const parameters: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name);
  if (typeof parameters !== 'object' || parameters === null) return false;
  const kinds = [kind, RouteParamtypes.REQUEST];
  return Object.keys(parameters).some((key) => kinds.some((one) => key.startsWith(`${one}:`)));
}
