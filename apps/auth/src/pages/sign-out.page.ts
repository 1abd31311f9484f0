import { html } from './html';
import { page } from './page';

export const signOutPage = (action: string, xsrf: string): string =>
  page(
    'Sign out',
    html`<h1>Sign out?</h1>
      <p>You will need to sign in again next time.</p>
      <form method="post" action="${action}">
        <input type="hidden" name="xsrf" value="${xsrf}" />
        <button type="submit" name="logout" value="yes">Sign out</button>
        <button type="submit" class="quiet">Stay signed in</button>
      </form>`,
  );

/** `note`: an additional sentence. */
export const signedOutPage = (note?: string): string =>
  page(
    'Signed out',
    html`<h1>You are signed out</h1>
      ${note === undefined ? html`` : html`<p>${note}</p>`}
      <p>You can close this page.</p>`,
  );
