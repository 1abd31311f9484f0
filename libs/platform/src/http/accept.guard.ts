import { type CanActivate, type ExecutionContext, Injectable, SetMetadata } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { PROBLEM_MEDIA_TYPE } from '@rookery/contracts';
import { DomainError } from '../errors/domain-error';

const PRODUCES = 'rookery:produces';
/** Where Nest's `@Sse` leaves its mark. */
const SSE = '__sse__';

/** Marks a route whose media type only its upstream knows. */
export const ANY_MEDIA_TYPE = '*/*';

/** Media types of a controller's or route's responses, where they are not JSON. */
export const Produces = (...types: readonly string[]) => SetMetadata(PRODUCES, types);

/** 406: the client accepts none of the route's media types. */
export class NotAcceptable extends DomainError {
  constructor(offered: readonly string[]) {
    super({
      status: 406,
      code: 'request.not-acceptable',
      title: 'Not acceptable',
      detail: `This resource is available only as ${offered.join(' or ')}.`,
    });
  }
}

/** Refuses requests whose Accept header (RFC 9110, 12.5.1) excludes the route's media types: those of `@Produces`, otherwise JSON. */
@Injectable()
export class AcceptGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') {
      return true;
    }
    const { accept } = context.switchToHttp().getRequest<FastifyRequest>().headers;
    const offered = offeredBy(context);
    if (offered.includes(ANY_MEDIA_TYPE)) {
      return true;
    }
    if (accept !== undefined && !offered.some((type) => accepts(accept, type))) {
      throw new NotAcceptable(offered);
    }
    return true;
  }
}

function offeredBy(context: ExecutionContext): readonly string[] {
  for (const target of [context.getHandler(), context.getClass()]) {
    const types: unknown = Reflect.getMetadata(PRODUCES, target);
    if (Array.isArray(types)) {
      return types.map(String);
    }
  }
  if (Reflect.getMetadata(SSE, context.getHandler()) === true) {
    return ['text/event-stream'];
  }
  return ['application/json', PROBLEM_MEDIA_TYPE];
}

/** Whether an Accept header accepts `offered`; the most specific range decides. */
export function accepts(header: string, offered: string): boolean {
  const [kind = ''] = offered.split('/');
  const quality = new Map(header.split(',').map(readRange));
  const decisive = [offered, `${kind}/*`, '*/*'].find((range) => quality.has(range));
  return decisive !== undefined && (quality.get(decisive) ?? 0) > 0;
}

/** Weight that an Accept header gives to a media type by its own name, ranges like `text/*` left aside; 0 when it does not name it. */
export function preference(header: string, type: string): number {
  return new Map(header.split(',').map(readRange)).get(type) ?? 0;
}

function readRange(text: string): readonly [range: string, quality: number] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  return [range, weight === undefined ? 1 : Number(weight.slice(2))];
}
