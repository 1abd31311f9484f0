import type { Provider } from 'oidc-provider';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';
import { placeOf } from './provider-routes';

/**
 * Rejects a form or a later step of the device pages from a browser without a session. The provider would start a session to show the
 * form again, and then fail to store it, because it stores only sessions that were stored before.
 */
export function refuseLostSessions(provider: Provider): void {
  provider.use(async (ctx, next) => {
    const name = placeOf(ctx.method, ctx.path)?.route?.name;
    const needsSession = name === 'device_resume' || (name === 'code_verification' && ctx.method === 'POST');
    if (!needsSession || Number.isFinite((await provider.Session.get(ctx)).exp)) {
      await next();
      return;
    }
    ctx.status = 400;
    ctx.set({ ...pageHeaders() });
    ctx.body = errorPage('This page has expired', 'Open the page again and re-enter the code.', 'session_not_found');
  });
}
