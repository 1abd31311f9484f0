import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;

/** For answers that are no pages: nothing may be loaded by them, and nobody may frame them. */
const API_POLICY = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] };

/**
 * Puts Helmet's headers on a response, before anything else writes to it: refusals of the framework and what the OpenID Provider
 * sends past it carry them too. Pages replace the policy by their own. HSTS only where browsers come over TLS: it is for the host, whatever the port.
 */
export function securityHeaders(behindTls: boolean): (request: IncomingMessage, response: ServerResponse) => void {
  const apply = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: API_POLICY },
    // A log-in in a pop-up ends when its opener is taken away; a page that wants to be alone says so itself.
    crossOriginOpenerPolicy: false,
    strictTransportSecurity: behindTls ? { maxAge: ONE_YEAR_SECONDS, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
  });
  return (request, response) =>
    apply(request, response, (error) => {
      if (error !== undefined)
        throw error instanceof Error ? error : new Error('no security headers', { cause: error });
    });
}

/** The same for answers that are written by hand on a connection that Node has given up. */
export const RAW_SECURITY_HEADERS: readonly string[] = [
  "content-security-policy: default-src 'none';frame-ancestors 'none'",
  'x-content-type-options: nosniff',
  'x-frame-options: DENY',
  'referrer-policy: no-referrer',
  'cache-control: no-store',
];
