import type { Provider } from 'oidc-provider';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';
import { placeOf } from './provider-routes';

/**
 * A form of the device pages, or a later step of them, from a browser that has no session (any more): the provider would show the
 * form anew, for which it begins a session, and then fails on keeping that one: it saves only sessions that were saved before.
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
    ctx.body = errorPage('This page has expired', 'Open it again and enter the code once more.', 'session_not_found');
  });
}
