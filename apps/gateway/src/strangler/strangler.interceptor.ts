import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { AnsweredElsewhere, noteForLog, type Actor } from '@rookery/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { tap, type Observable } from 'rxjs';
import { limitedAddress } from '../rate-limit/client-address';
import { keptFromSharedCaches } from './forwarded-headers';
import type { LegacyProxy } from './legacy-proxy';
import { isLegacyRoute } from './legacy-route';
import type { StranglerMetrics } from './strangler.metrics';
import { isUnder, type StranglerRoute } from './strangler-routes';
import { chooseUpstream, UPSTREAM_HEADER } from './upstream-choice';

/**
 * Splits routes that the gateway and a legacy system both have. After all guards, so that token, scopes, limits and input are
 * checked by the same code whoever answers; before the pipes: the rules of a body are its owner's.
 */
export class StranglerInterceptor implements NestInterceptor {
  constructor(
    private readonly routes: readonly StranglerRoute[],
    private readonly proxy: LegacyProxy,
    private readonly metrics: StranglerMetrics,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (isLegacyRoute(request)) return next.handle();
    const { url = '' } = request.routeOptions;
    const route = this.routes.find(({ prefix }) => isUnder(url, prefix));
    if (route === undefined) return next.handle();

    const reply = http.getResponse<FastifyReply>();
    const caller = await this.proxy.callerOf(request);
    const upstream = chooseUpstream(route, keyOf(caller, request), request.headers[UPSTREAM_HEADER]);
    this.metrics.watch(reply, route.prefix, upstream);
    noteForLog(request.raw, { upstream });
    if (upstream === 'new') {
      return next.handle().pipe(tap(() => isSplit(route) && keepFromSharedCaches(reply)));
    }
    await this.proxy.forward(route, caller, request, reply, isSplit(route) ? keepFromSharedCaches : undefined);
    throw new AnsweredElsewhere();
  }
}

/** Whether some are answered here and some there. */
const isSplit = ({ legacyPercent, choiceByHeader }: StranglerRoute): boolean =>
  choiceByHeader || (legacyPercent > 0 && legacyPercent < 100);

/** A shared cache would hand one side's answer, with its ETag, to callers of the other. */
function keepFromSharedCaches(reply: FastifyReply): void {
  if (reply.raw.headersSent) return;
  const current = reply.getHeader('cache-control');
  void reply.header('cache-control', keptFromSharedCaches(current === undefined ? undefined : String(current)));
}

function keyOf(caller: Actor | undefined, request: FastifyRequest): string {
  return caller === undefined ? limitedAddress(request.ip) : `${caller.issuer} ${caller.subject}`;
}
