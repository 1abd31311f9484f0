import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '@rookery/contracts';
import { runInContext } from '../context/request-context';
import { DomainError } from '../errors/domain-error';
import { problemOfStatus, toProblem } from '../errors/to-problem';
import { logger } from '../logging/logger';
import { HandledElsewhere } from './handled-elsewhere';
import { openContext } from './http-context';
import type { KnownRoutes } from './known-routes';
import { sendProblem } from './send-problem';

/**
 * Sends everything that an HTTP route throws as problem+json (RFC 9457), with the headers of its status:
 * Retry-After, WWW-Authenticate (RFC 6750) and, for a known path with another method, Allow. The stack goes to the log only.
 */
@Catch()
export class HttpProblemFilter implements ExceptionFilter {
  constructor(private readonly routes: KnownRoutes) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (error instanceof HandledElsewhere) {
      error.send();
      return;
    }
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const context = openContext(request.raw, undefined);
    runInContext(context, () => {
      const path = request.url.split('?', 1).join('');
      const known = isUnknownRoute(error) ? this.routes.methodsAt(path) : [];
      // Behind a wildcard, as for static files, the method is known and only the file is missing.
      const allow = known.includes(request.method) ? [] : known;
      const cause = allow.length > 0 ? problemOfStatus(405) : hasBrokenOff(request) ? problemOfStatus(400) : error;
      const problem: Problem = { ...toProblem(cause), instance: path };
      if (problem.status === 500) {
        logger.error({ err: error, code: problem.code }, 'unexpected error');
      }
      if (reply.sent || reply.raw.headersSent) {
        // Part of the response is already sent: only cutting it off shows that it is incomplete.
        reply.raw.destroy();
        return;
      }
      if (allow.length > 0) {
        void reply.header('allow', allow.join(', '));
      }
      sendProblem(reply, problem, error instanceof DomainError ? error.challenge : undefined);
    });
  }
}

/** The client disconnected in the middle of its request: nobody reads the response, and it must not count as a server error. */
function hasBrokenOff({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete;
}

/** The router's own 404; resources throw `NotFound`. */
function isUnknownRoute(error: unknown): boolean {
  return error instanceof HttpException && error.getStatus() === 404;
}
