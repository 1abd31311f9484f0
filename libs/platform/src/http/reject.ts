import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '@rookery/contracts';
import { openContext } from './http-context';
import { sendProblem } from './send-problem';

/** Rejects a request with a problem from an `onRequest` hook, before any other handler sees it. */
export function reject(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  const { correlationId } = openContext(request.raw, undefined);
  sendProblem(reply, { ...problem, correlationId, instance: request.url.split('?', 1).join('') });
}
