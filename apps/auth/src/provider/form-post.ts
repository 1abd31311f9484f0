import type { Provider } from 'oidc-provider';
import { continuePage } from '../pages/continue.page';
import { Html } from '../pages/html';
import { formTarget, pageHeaders } from '../pages/page';

const MARK = '<title>Submitting Callback</title>';
const FORM = /<form method="post" action="(?<action>[^"]*)">/u;
const INPUTS = /<input type="hidden" [^>]*>/gu;

/**
 * In some cases (a device code in the URL, a sign-out without a session, `response_mode=form_post`) oidc-provider sends a bare page
 * whose script submits a form. It is replaced with a styled page with a button, because no script may run.
 */
export function dressFormPosts(provider: Provider): void {
  provider.use(async (ctx, next) => {
    await next();
    const body: unknown = ctx.body;
    if (typeof body !== 'string' || !body.includes(MARK)) {
      return;
    }
    const action = FORM.exec(body)?.groups?.['action'] ?? '';
    // Both are already escaped.
    const inputs = [...body.matchAll(INPUTS)].map(([input]) => new Html(input));
    ctx.set({ ...pageHeaders(formTarget(action)) });
    ctx.body = continuePage(new Html(action), inputs);
  });
}
