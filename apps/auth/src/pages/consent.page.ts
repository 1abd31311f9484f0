import { html } from './html';
import { page } from './page';

export interface ConsentPage {
  readonly action: string;
  readonly token: string;
  readonly clientName: string;
  readonly userName: string;
  readonly scopes: readonly { readonly name: string; readonly meaning: string }[];
}

export const consentPage = ({ action, token, clientName, userName, scopes }: ConsentPage): string =>
  page(
    'Allow access',
    html`<h1>Allow access?</h1>
      <p><strong>${clientName}</strong> requests access on your behalf, <strong>${userName}</strong>:</p>
      <ul>
        ${scopes.map(({ name, meaning }) => html`<li>${meaning}<small>${name}</small></li>`)}
      </ul>
      <form method="post" action="${action}">
        <input type="hidden" name="token" value="${token}" />
        <button type="submit" name="action" value="continue">Allow</button>
        <button type="submit" name="action" value="cancel" class="quiet">Deny</button>
      </form>`,
  );
