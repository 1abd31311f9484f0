import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { preference } from '@rookery/platform';

/** Addresses without a resource that people type. */
const DOORS: ReadonlySet<string> = new Set(['/', '/v1', '/v1/']);

/** Redirects a browser from the API's bare addresses to its documentation. Programs receive 404 with a problem. */
export function openFrontDoor(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preHandler', (request, reply, done) => {
      if (!isDoor(request)) {
        done();
        return;
      }
      void reply.header('vary', 'accept');
      if (!wantsPage(request.headers.accept)) {
        done();
        return;
      }
      void reply.header('cache-control', 'no-store').redirect('/docs', 302);
    });
}

/** A route that serves the root makes it a resource. */
function isDoor({ is404, method, url }: FastifyRequest): boolean {
  return is404 && (method === 'GET' || method === 'HEAD') && DOORS.has(url.split('?', 1).join(''));
}

/** Browsers accept HTML by name; a client that accepts anything, like curl, is not a browser. */
function wantsPage(accept = ''): boolean {
  const html = preference(accept, 'text/html');
  return html > 0 && html >= preference(accept, 'application/json');
}
