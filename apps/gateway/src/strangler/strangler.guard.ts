import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { noteForLog, OtherAnswer } from '@rookery/platform';
import { limitedAddress } from '@rookery/resilience';
import type { AdmittedCaller } from '@rookery/security';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LegacyProxy } from './legacy-proxy';
import { isLegacyRoute } from './legacy-route';
import type { StranglerMetrics } from './strangler.metrics';
import { isUnder, type StranglerRoute } from './strangler-routes';
import { chooseUpstream, UPSTREAM_HEADER } from './upstream-choice';

/**
 * Splits routes that the gateway and a legacy system both have. The last of all guards, so that token, scopes, limits and input are
 * checked by the same code whoever answers; before the pipes: the rules of a body are its owner's. No interceptor: with one, Nest
 * sends the head of every `@Sse` answer before its handler could refuse.
 */
export class StranglerGuard implements CanActivate {
  constructor(
    private readonly routes: readonly StranglerRoute[],
    private readonly proxy: LegacyProxy,
    private readonly metrics: StranglerMetrics,
  ) {}

  /** True for a request that the route shall answer; otherwise it ends here, with the legacy system's answer. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const route = this.routeOf(request);
    if (route === undefined || isLegacyRoute(request)) return true;

    const reply = http.getResponse<FastifyReply>();
    const caller = await this.proxy.callerOf(request);
    const upstream = chooseUpstream(route, keyOf(caller, request), request.headers[UPSTREAM_HEADER]);
    this.metrics.watch(reply, route.prefix, upstream);
    noteForLog(request.raw, { upstream });
    if (upstream === 'new') return true;
    throw new OtherAnswer(await this.proxy.ask(route, caller, request, reply));
  }

  /** Whether some callers of this address are answered here and some by the legacy system. */
  isSplit(request: FastifyRequest): boolean {
    const route = this.routeOf(request);
    if (route === undefined || isLegacyRoute(request)) return false;
    return route.choiceByHeader || (route.legacyPercent > 0 && route.legacyPercent < 100);
  }

  private routeOf({ routeOptions: { url = '' } }: FastifyRequest): StranglerRoute | undefined {
    return this.routes.find(({ prefix }) => isUnder(url, prefix));
  }
}

function keyOf(caller: AdmittedCaller | undefined, request: FastifyRequest): string {
  return caller === undefined ? limitedAddress(request.ip) : `${caller.actor.issuer} ${caller.actor.subject}`;
}
