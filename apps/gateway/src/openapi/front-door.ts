import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { preference } from '@rookery/platform';
import type { FastifyRequest } from 'fastify';

/** Addresses at which nothing is, and which people type. */
const DOORS: ReadonlySet<string> = new Set(['/', '/v1', '/v1/']);

/** Leads a person's browser from the API's bare addresses to its documentation. To a program they stay what they are: nothing, with a problem. */
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

/** A legacy system may have the root: then it is somewhere. */
function isDoor({ is404, method, url }: FastifyRequest): boolean {
  return is404 && (method === 'GET' || method === 'HEAD') && DOORS.has(url.split('?', 1).join(''));
}

/** Browsers name HTML; what takes anything, as curl does, is no browser. */
function wantsPage(accept = ''): boolean {
  const html = preference(accept, 'text/html');
  return html > 0 && html >= preference(accept, 'application/json');
}
