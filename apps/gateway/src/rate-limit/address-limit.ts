import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Clock, reject } from '@rookery/platform';
import { limitedAddress, Redis, SharedWindows } from '@rookery/resilience';
import { isOperational } from '../load-shedding/route-class';
import { refusalHeaders, TooManyRequests } from './rate-limit.guard';

const WINDOW_MS = 60_000;

/**
 * Limits the requests per minute of one address, for every path: routes, documents, files, and unknown ones. So it also counts
 * requests with an invalid token or body, and one customer's many accounts. Beyond the limit: 429 with Retry-After, before the body
 * is read. Only probes and metrics have no limit. A hook, because guards do not see requests without a route. It runs after CORS,
 * whose headers a browser needs to read the rejection; preflights are answered earlier and are not counted.
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
      // `ip` respects X-Forwarded-For only from proxies in TRUST_PROXY.
      windows.hit(limitedAddress(request.ip)).then(({ hits, secondsLeft }) => {
        if (hits <= requestsPerMinute) {
          done();
          return;
        }
        void reply.headers(refusalHeaders(requestsPerMinute, secondsLeft));
        reject(request, reply, new TooManyRequests(secondsLeft).toProblem());
      }, done);
    });
}
