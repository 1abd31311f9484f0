import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { takeAnyBody } from './any-body';
import { withoutSharedCaching } from './forwarded-headers';
import { StranglerGuard } from './strangler.guard';

/** Adds what a module cannot add: the last guard, bodies of any type for the legacy system, and Cache-Control of split routes. */
export function installStrangler(app: NestFastifyApplication, bodyLimitBytes: number): void {
  const guard = app.get(StranglerGuard);
  app.useGlobalGuards(guard);
  const fastify = app.getHttpAdapter().getInstance();
  takeAnyBody(fastify, bodyLimitBytes);
  fastify.addHook('onSend', (request, reply, payload, done) => {
    if (guard.isSplit(request)) {
      void reply.header('cache-control', withoutSharedCaching(reply.getHeader('cache-control')));
    }
    done(null, payload);
  });
}
