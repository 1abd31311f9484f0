import { type Html, html } from './html';
import { page } from './page';

export const continuePage = (action: Html, inputs: readonly Html[]): string =>
  page(
    'Continue',
    html`<h1>One more step</h1>
      <p>Press the button to continue.</p>
      <form method="post" action="${action}">
        ${inputs}
        <button type="submit">Continue</button>
      </form>`,
  );
