import type { ErrorOut, KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { deviceCodePage, deviceConfirmPage, deviceDonePage } from '../pages/device.page';
import { errorPage } from '../pages/error.page';
import { formTarget, pageHeaders } from '../pages/page';
import { signedOutPage, signOutPage } from '../pages/sign-out.page';

const SessionState = z.object({ secret: z.string(), postLogoutRedirectUri: z.string().optional() });

const stateOf = (ctx: KoaContextWithOIDC) => SessionState.parse(ctx.oidc.session?.state);
const clientNameOf = (ctx: KoaContextWithOIDC) =>
  ctx.oidc.client?.clientName ?? ctx.oidc.client?.clientId ?? 'the application';

function show(ctx: KoaContextWithOIDC, body: string, formTargets: readonly string[] = []): void {
  ctx.set({ ...pageHeaders(formTargets) });
  ctx.body = body;
}

/** Advice for errors of the protocol; unknown ones get a general sentence. */
const ADVICE: Readonly<Record<string, string>> = {
  invalid_client: 'The application that sent you here is unknown.',
  invalid_redirect_uri: 'The application that sent you here used an address that is not registered for it.',
  invalid_request: 'The application that sent you here made an invalid request.',
  session_not_found:
    'This sign-in has expired or was started in another window. Go back to the application and start again.',
};

/** Errors without a redirect target. Never shows a message of the library, which may quote the caller's input. */
export function renderError(ctx: KoaContextWithOIDC, out: ErrorOut, error: Error): void {
  const code = error.name === 'SessionNotFound' ? 'session_not_found' : out.error;
  const advice = ADVICE[code] ?? 'Go back to the application and start again.';
  show(ctx, errorPage('This did not work', advice, out.error));
}

export function userCodeInputSource(ctx: KoaContextWithOIDC, _form: string, _out?: ErrorOut, error?: Error): void {
  const action = ctx.oidc.urlFor('code_verification');
  show(ctx, deviceCodePage({ action, xsrf: stateOf(ctx).secret, error: userCodeAdvice(error) }));
}

function userCodeAdvice(error: Error | undefined): string | undefined {
  switch (error?.name) {
    case undefined:
      return undefined;
    case 'AbortedError':
      return 'The device was not connected.';
    case 'ExpiredError':
    case 'AlreadyUsedError':
    case 'NotFoundError':
    case 'NoCodeError':
      return 'This code is not valid. Check it, or request a new one on your device.';
    default:
      return 'This did not work. Request a new code on your device and try again.';
  }
}

export function userCodeConfirmSource(
  ctx: KoaContextWithOIDC,
  _form: string,
  _client: unknown,
  _device: unknown,
  shownCode: string,
): void {
  const action = ctx.oidc.urlFor('code_verification');
  show(
    ctx,
    deviceConfirmPage({ action, xsrf: stateOf(ctx).secret, code: shownCode, shownCode, clientName: clientNameOf(ctx) }),
  );
}

export function deviceSuccessSource(ctx: KoaContextWithOIDC): void {
  show(ctx, deviceDonePage(clientNameOf(ctx)));
}

export function logoutSource(ctx: KoaContextWithOIDC): void {
  const { secret, postLogoutRedirectUri } = stateOf(ctx);
  show(ctx, signOutPage(ctx.oidc.urlFor('end_session_confirm'), secret), formTarget(postLogoutRedirectUri));
}

export function postLogoutSuccessSource(ctx: KoaContextWithOIDC): void {
  show(ctx, signedOutPage());
}
