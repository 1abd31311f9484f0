import { TYPED_PASSWORD_MAX } from '../account/password-policy';
import { html } from './html';
import { notice, page } from './page';

export interface SignInPage {
  readonly action: string;
  readonly token: string;
  readonly clientName: string;
  readonly login?: string;
  readonly error?: string;
  /** Shows the users of the demo. */
  readonly demo?: boolean;
}

/** For the first empty field. */
const AUTOFOCUS = html`autofocus`;

const DEMO_HINT = html`<aside>
  <strong>Demo users.</strong> Customer <code>alice</code> with password <code>alice-demo-password</code>; operator
  <code>olga</code> with password <code>olga-demo-password</code>.
</aside>`;

export const signInPage = ({ action, token, clientName, login = '', error, demo = false }: SignInPage): string =>
  page(
    'Sign in',
    html`<h1>Sign in</h1>
      <p>to continue to <strong>${clientName}</strong></p>
      ${notice(error)}
      <form method="post" action="${action}">
        <input type="hidden" name="token" value="${token}" />
        <label for="login">E-mail address or user name</label>
        <input
          id="login"
          name="login"
          type="text"
          value="${login}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          maxlength="254"
          required
          ${login === '' ? AUTOFOCUS : html``}${error === undefined ? html`` : html` aria-invalid="true"`}
        />
        <label for="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          maxlength="${TYPED_PASSWORD_MAX}"
          required
          ${login === '' ? html`` : AUTOFOCUS}
        />
        <button type="submit" name="action" value="continue">Sign in</button>
        <button type="submit" name="action" value="cancel" class="quiet" formnovalidate>Cancel</button>
      </form>
      ${demo ? DEMO_HINT : html``}`,
  );
