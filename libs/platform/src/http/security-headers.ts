import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60;

/** For responses that are not pages: they may load nothing and must not be framed. */
const API_POLICY = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] };

/**
 * Sets Helmet's headers on a response before anything else writes to it, so that refusals of the framework and the OpenID Provider's
 * raw responses carry them too. Pages replace the policy. HSTS is set only where browsers connect over TLS: it applies to the host, on every port.
 */
export function securityHeaders(behindTls: boolean): (request: IncomingMessage, response: ServerResponse) => void {
  const apply = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: API_POLICY },
    // This policy would cut a sign-in pop-up off from its opener; pages that want isolation set it themselves.
    crossOriginOpenerPolicy: false,
    strictTransportSecurity: behindTls ? { maxAge: ONE_YEAR_SECONDS, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
  });
  return (request, response) =>
    apply(request, response, (error) => {
      if (error !== undefined) {
        throw error instanceof Error ? error : new Error('no security headers', { cause: error });
      }
    });
}

/** The same headers for responses written by hand on a connection that Node has given up. */
export const RAW_SECURITY_HEADERS: readonly string[] = [
  "content-security-policy: default-src 'none';frame-ancestors 'none'",
  'x-content-type-options: nosniff',
  'x-frame-options: DENY',
  'referrer-policy: no-referrer',
  'cache-control: no-store',
];
