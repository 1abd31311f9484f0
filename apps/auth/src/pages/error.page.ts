import { html } from './html';
import { page } from './page';

/** `code`: the protocol's error code, for a support request. */
export const errorPage = (heading: string, text: string, code?: string): string =>
  page(
    heading,
    html`<h1>${heading}</h1>
      <div role="alert"><p>${text}</p></div>
      ${code === undefined ? html`` : html`<small>Error code: ${code}</small>`}`,
  );
