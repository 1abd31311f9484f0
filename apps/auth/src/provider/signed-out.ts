import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import { z } from 'zod';
import { pageHeaders } from '../pages/page';
import { signedOutPage } from '../pages/sign-out.page';

const SignOut = z.object({ postLogoutRedirectUri: z.string().optional(), state: z.string().optional() });

/**
 * A sign-out without a session. The library would show a confirmation form without an explanation, although there is nothing to
 * confirm. Instead the person is redirected to the client (OpenID Connect RP-Initiated Logout 1.0, section 3), or informed.
 */
export function answerWhenSignedOut(provider: Provider): void {
  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next();
    if (ctx.status !== 200 || !('oidc' in ctx) || ctx.oidc.route !== 'end_session') {
      return;
    }
    const { session } = ctx.oidc;
    if (session === undefined || session.accountId !== undefined) {
      return;
    }
    // The cookie of the session that the library started for its form.
    ctx.remove('set-cookie');
    ctx.set({ ...pageHeaders() });
    const { postLogoutRedirectUri, state } = SignOut.parse(session.state);
    if (postLogoutRedirectUri === undefined) {
      ctx.body = signedOutPage('No one was signed in on this browser.');
      return;
    }
    const address = new URL(postLogoutRedirectUri);
    if (state !== undefined) {
      address.searchParams.append('state', state);
    }
    ctx.redirect(address.href);
    ctx.status = 303;
    ctx.body = '';
  });
}
