import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Clock, refuse } from '@rookery/platform';
import { limitedAddress, Redis, SharedWindows } from '@rookery/resilience';
import { isOperational } from '../load-shedding/route-class';
import { refusalHeaders, TooManyRequests } from './rate-limit.guard';

const WINDOW_MS = 60_000;

/**
 * Limits what one address may ask for in a minute, whatever it asks for: routes, documents, files, and what is not there. So also requests
 * whose token or body is refused are counted, and one customer's many accounts. Past the limit: 429 with Retry-After, before the body
 * is read. Only probes and metrics have no limit. By a hook, for guards see no request that has no route. Behind CORS, whose headers
 * a browser needs to read the refusal; preflights are answered before and are not counted.
 */
export function limitAddresses(app: NestFastifyApplication, requestsPerMinute: number): void {
  const windows = new SharedWindows('gateway:address', WINDOW_MS, app.get(Redis), app.get(Clock));
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('preParsing', (request, reply, _payload, done) => {
      if (isOperational(request.routeOptions.url)) {
        done();
        return;
      }
      // `ip` heeds X-Forwarded-For from proxies in TRUST_PROXY only.
      windows.hit(limitedAddress(request.ip)).then(({ hits, secondsLeft }) => {
        if (hits <= requestsPerMinute) {
          done();
          return;
        }
        void reply.headers(refusalHeaders(requestsPerMinute, secondsLeft));
        refuse(request, reply, new TooManyRequests(secondsLeft).toProblem());
      }, done);
    });
}
