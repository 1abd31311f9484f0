import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Problem } from '@rookery/contracts';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Readiness } from '../readiness';
import { Metrics } from '../metrics/metrics';
import { securityHeaders } from './security-headers';
import { sendRawProblem } from './send-raw-problem';

/** How requests are refused before anything else looks at them. */
export interface EarlyRefusal {
  /** As in `HttpLimits`: the refusals carry the same headers as all answers. */
  readonly behindTls: boolean;
  /** Answers with the problem when the request is refused. */
  readonly judge: (request: IncomingMessage) => Problem | undefined;
}

/** Route of what is refused here, in metrics. */
const NO_ROUTE = '(refused)';

/**
 * Refuses requests before routes, hooks and log lines, as cheaply as Node can: where most of a flood is refused, refusals must not cost
 * what answers do. They are counted like all answers. Call it once, before the process listens.
 */
export function refuseEarly(app: NestFastifyApplication, { behindTls, judge }: EarlyRefusal): void {
  const server = app.getHttpServer();
  const [readiness, { httpServer: answered }] = [app.get(Readiness), app.get(Metrics)];
  const secure = securityHeaders(behindTls);
  const others = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const problem = judge(request);
    if (problem === undefined) {
      for (const listener of others) Reflect.apply(listener, server, [request, response]);
      return;
    }
    secure(request, response);
    if (readiness.isDraining) response.setHeader('connection', 'close');
    sendRawProblem(request, response, problem);
    answered.observe({ method: request.method ?? '', route: NO_ROUTE, status: problem.status }, 0);
  });
}
