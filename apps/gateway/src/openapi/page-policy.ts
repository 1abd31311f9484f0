import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

const INLINE = /<(script|style)>([\s\S]*?)<\/\1>/g;
const STYLE_ATTRIBUTE = /\sstyle="([^"]*)"/g;

/** The inline style of Swagger UI's logo. The browser spec fails when a new version has another one. */
const LOGO_STYLE = '.logo_small_svg__cls-2{fill:#fff}.logo_small_svg__cls-3{fill:#85ea2d}';

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * The Content-Security-Policy (CSP 3) of a page with its own script and style files and these inline ones, allowed by their hashes
 * instead of `unsafe-inline`. No part of the page may come from a request. `connect` lists further origins that its scripts may call.
 */
export function pagePolicy(html: string, connect: readonly string[]): string {
  const inline = [...html.matchAll(INLINE)];
  const hashesOf = (element: string): string[] =>
    inline.filter(([, name]) => name === element).map(([, , text = '']) => hashOf(text));
  const attributes = Array.from(html.matchAll(STYLE_ATTRIBUTE), ([, text = '']) => hashOf(text));
  return [
    "default-src 'none'",
    ["script-src 'self'", ...hashesOf('script')].join(' '),
    ["style-src-elem 'self'", ...hashesOf('style'), hashOf(LOGO_STYLE)].join(' '),
    attributes.length === 0 ? "style-src-attr 'none'" : ["style-src-attr 'unsafe-hashes'", ...attributes].join(' '),
    "img-src 'self' data:",
    ["connect-src 'self'", ...connect].join(' '),
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

/** Without it a phone renders the page at desktop width. Swagger UI's own page has none. */
const VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">';

/** Adds a viewport and a policy to the HTML pages below a path. */
export function guardPages(fastify: FastifyInstance, path: string, connect: readonly string[]): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const type = String(reply.getHeader('content-type') ?? '');
    if (request.url.startsWith(path) && type.startsWith('text/html')) {
      // A page from a file is a stream without inline parts: the target of the redirect after the log-in.
      const html = typeof payload === 'string' ? payload.replace('<head>', `<head>\n  ${VIEWPORT}`) : '';
      void reply.header('content-security-policy', pagePolicy(html, connect));
      // The page must keep its reference to the log-in window that it opens. The redirect target is in that window and must not cut it.
      if (html !== '') {
        void reply.header('cross-origin-opener-policy', 'same-origin-allow-popups');
      }
      if (html !== '') {
        done(null, html);
        return;
      }
    }
    done(null, payload);
  });
}
