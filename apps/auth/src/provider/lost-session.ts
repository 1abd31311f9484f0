import type { Provider } from 'oidc-provider';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';

/** Steps after the first of connecting a device; `/device/auth` is where devices ask. */
const LATER_STEP = /^\/device\/(?!auth$)[^/]+$/u;

/**
 * A form of the device pages sent by a browser that has no session (any more): the provider would show the form anew, for which it
 * begins a session, and then fails on keeping that one: it saves only sessions that were saved before. Found by the fuzz.
 */
export function refuseLostSessions(provider: Provider): void {
  provider.use(async (ctx, next) => {
    const isLaterStep = LATER_STEP.test(ctx.path) || (ctx.method === 'POST' && ctx.path === '/device');
    if (!isLaterStep || Number.isFinite((await provider.Session.get(ctx)).exp)) {
      await next();
      return;
    }
    ctx.status = 400;
    ctx.set({ ...pageHeaders() });
    ctx.body = errorPage('This page has expired', 'Open it again and enter the code once more.', 'session_not_found');
  });
}
