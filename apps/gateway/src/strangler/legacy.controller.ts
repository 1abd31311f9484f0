import { applyDecorators, Controller, Delete, Get, Patch, Post, Put, Req, Res, type Type } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ANY_MEDIA_TYPE, noteForLog, Produces, Public } from '@rookery/platform';
import { RequireScopes } from '@rookery/security';
import { LegacyProxy } from './legacy-proxy';
import { LegacyRoute } from './legacy-route';
import type { OwnRoute } from './own-routes';
import type { StranglerRoute } from './strangler-routes';
import { StranglerMetrics } from './strangler.metrics';

/**
 * Routes that only the legacy system has under a prefix. A controller, so that every guard sees these requests like all others. The
 * gateway's own routes are more specific and take precedence over the wildcard.
 */
export function legacyController(route: StranglerRoute, ownRoutes: readonly OwnRoute[]): Type {
  /** The prefix itself, unless the gateway serves this method there, and everything below it. */
  const paths = (method: string): string[] =>
    ownRoutes.some((own) => own.path === route.prefix && own.method === method) ? ['*'] : ['', '*'];

  @ApiExcludeController()
  @Produces(ANY_MEDIA_TYPE)
  @Controller(route.prefix)
  class LegacyController {
    constructor(
      private readonly proxy: LegacyProxy,
      private readonly metrics: StranglerMetrics,
    ) {}

    @Get(paths('GET'))
    @Guarded(route)
    get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      return this.forward(request, reply);
    }

    @Post(paths('POST'))
    @Guarded(route)
    post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      return this.forward(request, reply);
    }

    @Put(paths('PUT'))
    @Guarded(route)
    put(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      return this.forward(request, reply);
    }

    @Patch(paths('PATCH'))
    @Guarded(route)
    patch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      return this.forward(request, reply);
    }

    @Delete(paths('DELETE'))
    @Guarded(route)
    delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
      return this.forward(request, reply);
    }

    private async forward(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      this.metrics.watch(reply, route.prefix, 'legacy');
      noteForLog(request.raw, { upstream: 'legacy' });
      const send = await this.proxy.ask(route, await this.proxy.callerOf(request), request, reply);
      send();
    }
  }
  return LegacyController;
}

function Guarded({ access }: StranglerRoute): MethodDecorator {
  if (access === 'public') {
    return applyDecorators(LegacyRoute(), Public());
  }
  return applyDecorators(LegacyRoute(), RequireScopes(...(access === undefined || access === 'token' ? [] : access)));
}
