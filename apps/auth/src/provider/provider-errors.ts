import { EventEmitter } from 'node:events';
import type { Provider } from 'oidc-provider';
import { isDatabaseUnavailable } from '@rookery/persistence';
import { logger } from '@rookery/platform';
import { placeOf } from './provider-routes';

/** Answers requests that the library ignores, such as OPTIONS without a preflight: Koa would answer in plain text. */
export function answerTheRest(provider: Provider): void {
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.status !== 404 || (ctx.body !== undefined && ctx.body !== null)) {
      return;
    }
    const methods = placeOf(ctx.method, ctx.path)?.methods ?? [];
    ctx.set('allow', methods.join(', '));
    ctx.status = ctx.method === 'OPTIONS' ? 204 : 404;
    ctx.body = ctx.method === 'OPTIONS' ? null : { error: 'invalid_request' };
  });
}

/** Logs server errors, and answers 503 instead of 500 while the database is unavailable. */
export function reportFailures(provider: Provider): void {
  provider.on('server_error', (ctx, error) => {
    logger.error({ err: error, route: ctx.oidc.route }, 'OpenID Provider failed');
    if (!isDatabaseUnavailable(error)) {
      return;
    }
    ctx.status = 503;
    ctx.set('retry-after', '2');
  });
  // Koa's own event, missing in the provider's types; without a listener Koa prints to the console.
  EventEmitter.prototype.on.call(provider, 'error', (error: unknown) =>
    logger.error({ err: error }, 'OpenID Provider failed'),
  );
}
