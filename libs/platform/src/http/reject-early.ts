import type { IncomingMessage, ServerResponse } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Problem } from '@rookery/contracts';
import { Metrics } from '../metrics/metrics';
import { Readiness } from '../readiness';
import { securityHeaders } from './security-headers';
import { sendRawProblem } from './send-raw-problem';

/** Which requests are refused early. */
export interface EarlyRejection {
  /** As in `HttpLimits`; it decides on the security headers of the refusal. */
  readonly behindTls: boolean;
  /** The problem that the request is answered with; undefined lets it pass. */
  readonly judge: (request: IncomingMessage) => Problem | undefined;
}

/** Route label of these refusals in metrics. */
const NO_ROUTE = '(refused)';

/**
 * Refuses requests before Fastify sees them: no route, no hook, no log line. Under a flood a refusal must cost much less than a response.
 * Refusals have the security headers and are counted as responses. Call it once, before the process listens.
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
