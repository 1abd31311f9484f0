import { createHash } from 'node:crypto';
import { Html, html } from './html';
import { STYLE } from './style';

/** One string: the policy allows exactly these bytes, so a formatter must not add a space between tag and text. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** A complete page of the issuer. */
export function page(title: string, body: Html): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} · Rookery</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <main>
          <div class="brand">
            <svg
              viewBox="0 0 24 24"
              fill="none"
              stroke="currentColor"
              stroke-width="1.8"
              stroke-linecap="round"
              aria-hidden="true"
            >
              <path d="M3 11c0 5 4 8.500 9 8.500s9-3.500 9-8.500" />
              <path d="M2 13.500l20-2M4 16.500l16-1.500" />
              <ellipse cx="9" cy="8.500" rx="2.400" ry="3.200" />
              <ellipse cx="15" cy="8.500" rx="2.400" ry="3.200" /></svg
            >Rookery
          </div>
          ${body}
        </main>
      </body>
    </html> `.markup;
}

/** An error message that screen readers announce when the page opens. */
export const notice = (text: string | undefined): Html =>
  text === undefined ? html`` : html`<div class="notice" role="alert">${text}</div>`;

/**
 * Headers of every page. No script may run.
 * @param formTargets the client's address: browsers apply form-action to the redirects after a post too
 */
export function pageHeaders(formTargets: readonly string[] = []): Readonly<Record<string, string>> {
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': [
      "default-src 'none'",
      `style-src 'sha256-${STYLE_HASH}'`,
      "script-src 'none'",
      `form-action ${["'self'", ...formTargets].join(' ')}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  };
}

/** The target of a redirect as a form-action source: the origin of a web address, or the scheme of a native app. */
export function formTarget(uri: unknown): string[] {
  if (typeof uri !== 'string') {
    return [];
  }
  const url = URL.parse(uri);
  if (url === null) {
    return [];
  }
  return [url.origin === 'null' ? url.protocol : url.origin];
}
