import type { IncomingMessage, ServerResponse } from 'node:http';
import { Headers, type Problem, PROBLEM_MEDIA_TYPE } from '@rookery/contracts';
import { openContext } from './http-context';

/** Sends a problem (RFC 9457) without the framework. Headers already set on the response are kept. */
export function sendRawProblem(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  const { correlationId } = openContext(request, undefined);
  const instance = request.url?.split('?', 1).join('');
  const body = Buffer.from(JSON.stringify({ ...problem, correlationId, instance }));
  if (problem.retryAfterSeconds !== undefined) {
    response.setHeader('retry-after', problem.retryAfterSeconds);
  }
  response
    .writeHead(problem.status, {
      [Headers.correlationId]: correlationId,
      'cache-control': 'no-store',
      'content-type': PROBLEM_MEDIA_TYPE,
      'content-length': body.length,
    })
    .end(body);
}
