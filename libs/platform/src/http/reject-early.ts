import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Problem } from '@rookery/contracts';
import { Metrics } from '../metrics/metrics';
import { Readiness } from '../readiness';
import { securityHeaders } from './security-headers';
import { sendRawProblem } from './send-raw-problem';

/** How requests are refused before any other handler sees them. */
export interface EarlyRejection {
  /** As in `HttpLimits`: refusals carry the same headers as all responses. */
  readonly behindTls: boolean;
  /** Returns the problem when the request is refused. */
  readonly judge: (request: IncomingMessage) => Problem | undefined;
}

/** Route label of these refusals in metrics. */
const NO_ROUTE = '(refused)';

/**
 * Refuses requests before routes, hooks and log lines, as cheaply as Node can: under a flood, refusals must cost less than
 * responses. They are counted like all responses. Call it once, before the process listens.
 */
export function rejectEarly(app: NestFastifyApplication, { behindTls, judge }: EarlyRejection): void {
  const server = app.getHttpServer();
  const [readiness, { httpServer: answered }] = [app.get(Readiness), app.get(Metrics)];
  const secure = securityHeaders(behindTls);
  const others = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const problem = judge(request);
    if (problem === undefined) {
      for (const listener of others) {
        Reflect.apply(listener, server, [request, response]);
      }
      return;
    }
    secure(request, response);
    if (readiness.isDraining) {
      response.setHeader('connection', 'close');
    }
    sendRawProblem(request, response, problem);
    answered.observe({ method: request.method ?? '', route: NO_ROUTE, status: problem.status }, 0);
  });
}
