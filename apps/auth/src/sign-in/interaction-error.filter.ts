import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { errors } from 'oidc-provider';
import { logger, toProblem } from '@rookery/platform';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';

/** The interaction has ended, belongs to another browser, or its user no longer exists. */
export class InteractionExpired extends Error {
  override readonly name = 'InteractionExpired';
}

/** People see these routes, so every error is a page, which says only what to do next. */
@Catch()
export class InteractionErrorFilter implements ExceptionFilter {
  async catch(error: unknown, host: ArgumentsHost): Promise<void> {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (error instanceof InteractionExpired || error instanceof errors.SessionNotFound) {
      const advice =
        'This sign-in has expired or was started in another window. Go back to the application and start again.';
      await send(reply, 400, errorPage('This sign-in has expired', advice, 'session_not_found'));
      return;
    }
    const { status, retryAfterSeconds } = toProblem(error);
    if (status === 500) {
      logger.error({ err: error }, 'a sign-in page failed');
    }
    if (retryAfterSeconds !== undefined) {
      reply.header('retry-after', String(retryAfterSeconds));
    }
    await send(reply, status, pageOf(status));
  }
}

function pageOf(status: number): string {
  if (status === 503) {
    return errorPage('Please try again', 'The service is busy. Please try again in a moment.');
  }
  if (status >= 500) {
    return errorPage('Something went wrong', 'The error is on our side. Please try again in a moment.');
  }
  return errorPage('This did not work', 'The request was invalid.');
}

async function send(reply: FastifyReply, status: number, page: string): Promise<void> {
  await reply
    .status(status)
    .headers({ ...pageHeaders() })
    .send(page);
}
