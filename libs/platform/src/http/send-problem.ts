import type { FastifyReply } from 'fastify';
import { Headers, type Problem, PROBLEM_MEDIA_TYPE } from '@rookery/contracts';

/** Sends a problem (RFC 9457) with the headers that belong to it. Bytes: Fastify would add a charset to a text. */
export function sendProblem(reply: FastifyReply, problem: Problem, challenge?: string): void {
  if (problem.correlationId !== undefined) {
    void reply.header(Headers.correlationId, problem.correlationId);
  }
  if (problem.retryAfterSeconds !== undefined && !reply.hasHeader('retry-after')) {
    void reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  if (problem.status === 401) {
    void reply.header('www-authenticate', challenge ?? 'Bearer realm="rookery"');
  } else if (challenge !== undefined) {
    void reply.header('www-authenticate', challenge);
  }
  // Fastify would close the connection on a client that is still sending, which might then never read the response. Without this
  // header Node discards the rest, within the time limit of a whole request.
  if (problem.status === 413) {
    void reply.removeHeader('connection');
  }
  void reply
    .removeHeader('etag')
    .header('cache-control', 'no-store')
    .header('content-type', PROBLEM_MEDIA_TYPE)
    .code(problem.status)
    .send(Buffer.from(JSON.stringify(problem)));
}
