import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';

const INLINE = /<(script|style)>([\s\S]*?)<\/\1>/g;
const STYLE_ATTRIBUTE = /\sstyle="([^"]*)"/g;

/** What Swagger UI puts into its page itself, in its logo. The browser spec fails when a new version has another. */
const LOGO_STYLE = '.logo_small_svg__cls-2{fill:#fff}.logo_small_svg__cls-3{fill:#85ea2d}';

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/**
 * The Content-Security-Policy (CSP 3) of a page whose scripts and styles are our own files and these very inline ones: exactly
 * their bytes run, nothing else, and no `unsafe-inline`. Nothing in the page may come from a request. `connect` are origins besides ours that its scripts may call.
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

/** Without it a phone shows the page as wide as a desk's screen. Swagger UI's own page has none. */
const VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">';

/** Gives the HTML below a path a viewport and a policy of its own. */
export function guardPages(fastify: FastifyInstance, path: string, connect: readonly string[]): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const type = String(reply.getHeader('content-type') ?? '');
    if (request.url.startsWith(path) && type.startsWith('text/html')) {
      // What comes from a file is a stream, and has nothing inline: the page to which the log-in comes back.
      const html = typeof payload === 'string' ? payload.replace('<head>', `<head>\n  ${VIEWPORT}`) : '';
      void reply.header('content-security-policy', pagePolicy(html, connect));
      // The page keeps its hold on the log-in that it opens, and only on that. The log-in's last page is in that window and must not let go.
      if (html !== '') void reply.header('cross-origin-opener-policy', 'same-origin-allow-popups');
      if (html !== '') {
        done(null, html);
        return;
      }
    }
    done(null, payload);
  });
}
