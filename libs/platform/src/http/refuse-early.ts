import type { IncomingMessage, ServerResponse } from 'node:http';
import { Headers, PROBLEM_MEDIA_TYPE, type Problem } from '@rookery/contracts';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Readiness } from '../health/readiness';
import { Metrics } from '../metrics/metrics';
import { openContext } from './http-context';
import { securityHeaders } from './security-headers';

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
    send(request, response, problem, readiness.isDraining);
    answered.observe({ method: request.method ?? '', route: NO_ROUTE, status: problem.status }, 0);
  });
}

function send(request: IncomingMessage, response: ServerResponse, problem: Problem, isDraining: boolean): void {
  const { correlationId } = openContext(request, undefined);
  const instance = request.url?.split('?', 1).join('');
  const body = Buffer.from(JSON.stringify({ ...problem, correlationId, instance }));
  if (problem.retryAfterSeconds !== undefined) response.setHeader('retry-after', problem.retryAfterSeconds);
  if (isDraining) response.setHeader('connection', 'close');
  response
    .writeHead(problem.status, {
      [Headers.correlationId]: correlationId,
      'cache-control': 'no-store',
      'content-type': PROBLEM_MEDIA_TYPE,
      'content-length': body.length,
    })
    .end(body);
}
