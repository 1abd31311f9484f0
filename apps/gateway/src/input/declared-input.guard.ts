import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { FastifyRequest } from 'fastify';
import { escapeToken, InvalidInput } from '@rookery/platform';

/** Most names in one problem. */
const MAX_ERRORS = 20;

/**
 * Rejects query parameters and body fields on a route that declares none, where no schema would check them: input is either used or
 * rejected, never silently dropped. An empty object counts as no body, because some clients always send one.
 */
@Injectable()
export class DeclaredInputGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { query, body } = context.switchToHttp().getRequest<FastifyRequest>();
    reject('#/query', query, () => declares(context, RouteParamtypes.QUERY));
    reject('', body, () => declares(context, RouteParamtypes.BODY));
    return true;
  }
}

function reject(root: string, given: unknown, isDeclared: () => boolean): void {
  if (given === undefined || given === null) {
    return;
  }
  const names = typeof given === 'object' ? Object.keys(given).map((name) => `/${escapeToken(name)}`) : [''];
  if (names.length === 0 || isDeclared()) {
    return;
  }
  throw new InvalidInput(
    names.slice(0, MAX_ERRORS).map((name) => ({ pointer: `${root}${name}`, detail: 'is not expected' })),
  );
}

/** A route that takes the whole request validates all parts itself. */
function declares(context: ExecutionContext, kind: RouteParamtypes): boolean {
  const parameters: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name);
  if (typeof parameters !== 'object' || parameters === null) {
    return false;
  }
  const kinds = [kind, RouteParamtypes.REQUEST];
  return Object.keys(parameters).some((key) => kinds.some((one) => key.startsWith(`${one}:`)));
}
