import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HandledElsewhere, noteForLog } from '@rookery/platform';
import { limitedAddress } from '@rookery/resilience';
import type { AdmittedCaller } from '@rookery/security';
import type { LegacyProxy } from './legacy-proxy';
import { isLegacyRoute } from './legacy-route';
import { isUnder, type StranglerRoute } from './strangler-routes';
import type { StranglerMetrics } from './strangler.metrics';
import { chooseUpstream, UPSTREAM_HEADER } from './upstream-choice';

/**
 * Splits routes that the gateway and a legacy system both serve. It is the last guard, so that token, scopes, limits and input are
 * checked by the same code on both sides. It runs before the pipes, because the owner of the route validates the body. It is not an
 * interceptor: with one, Nest sends the head of every `@Sse` response before its handler can reject the request.
 */
export class StranglerGuard implements CanActivate {
  constructor(
    private readonly routes: readonly StranglerRoute[],
    private readonly proxy: LegacyProxy,
    private readonly metrics: StranglerMetrics,
  ) {}

  /** True for a request that the gateway's route answers; otherwise the legacy system's response ends it here. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const route = this.routeOf(request);
    if (route === undefined || isLegacyRoute(request)) {
      return true;
    }

    const reply = http.getResponse<FastifyReply>();
    const caller = await this.proxy.callerOf(request);
    const upstream = chooseUpstream(route, keyOf(caller, request), request.headers[UPSTREAM_HEADER]);
    this.metrics.watch(reply, route.prefix, upstream);
    noteForLog(request.raw, { upstream });
    if (upstream === 'new') {
      return true;
    }
    throw new HandledElsewhere(await this.proxy.ask(route, caller, request, reply));
  }

  /** Whether both the gateway and the legacy system serve callers of this address. */
  isSplit(request: FastifyRequest): boolean {
    const route = this.routeOf(request);
    if (route === undefined || isLegacyRoute(request)) {
      return false;
    }
    return route.choiceByHeader || (route.legacyPercent > 0 && route.legacyPercent < 100);
  }

  private routeOf({ routeOptions: { url = '' } }: FastifyRequest): StranglerRoute | undefined {
    return this.routes.find(({ prefix }) => isUnder(url, prefix));
  }
}

function keyOf(caller: AdmittedCaller | undefined, request: FastifyRequest): string {
  return caller === undefined ? limitedAddress(request.ip) : `${caller.actor.issuer} ${caller.actor.subject}`;
}
