import { html } from './html';
import { notice, page } from './page';

export interface DevicePage {
  readonly action: string;
  readonly xsrf: string;
  readonly code?: string;
  readonly error?: string;
}

export const deviceCodePage = ({ action, xsrf, code = '', error }: DevicePage): string =>
  page(
    'Connect a device',
    html`<h1>Connect a device</h1>
      <p>Enter the code that your device shows.</p>
      ${notice(error)}
      <form method="post" action="${action}">
        <input type="hidden" name="xsrf" value="${xsrf}" />
        <label for="user_code">Code</label>
        <input
          id="user_code"
          name="user_code"
          class="code"
          type="text"
          value="${code}"
          autocomplete="off"
          autocapitalize="characters"
          spellcheck="false"
          maxlength="32"
          required
          autofocus
        />
        <button type="submit">Continue</button>
      </form>`,
  );

export const deviceConfirmPage = ({
  action,
  xsrf,
  code = '',
  clientName,
  shownCode,
}: DevicePage & { readonly clientName: string; readonly shownCode: string }): string =>
  page(
    'Connect a device',
    html`<h1>Is this your device?</h1>
      <p>
        <strong>${clientName}</strong> requests access to your account. Continue only if your device shows exactly this
        code:
      </p>
      <p class="code">${shownCode}</p>
      <form method="post" action="${action}">
        <input type="hidden" name="xsrf" value="${xsrf}" />
        <input type="hidden" name="user_code" value="${code}" />
        <input type="hidden" name="confirm" value="yes" />
        <button type="submit">Yes, connect it</button>
        <button type="submit" name="abort" value="yes" class="quiet">No, cancel</button>
      </form>`,
  );

export const deviceDonePage = (clientName: string): string =>
  page(
    'Device connected',
    html`<h1>Device connected</h1>
      <p><strong>${clientName}</strong> is signed in. You can close this page.</p>`,
  );
