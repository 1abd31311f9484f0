import type { IncomingMessage } from 'node:http';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** The host name of a request: the issuer's, or an internal one. */
export type Visit = { readonly by: 'issuer' } | { readonly by: 'inside'; readonly origin: string };

/**
 * The host names of this service: the issuer's, and internal ones (OIDC_INTERNAL_URLS). oidc-provider builds URLs from the Host header,
 * so an accepted request is rewritten to the issuer's host.
 */
export class KnownHosts {
  private readonly issuer: URL;
  private readonly inside: ReadonlyMap<string, string>;

  constructor(issuer: string, internalUrls: readonly string[]) {
    this.issuer = new URL(issuer);
    this.inside = new Map(
      internalUrls.flatMap((text) => {
        const url = new URL(text);
        return spellings(url).map((host) => [host, url.origin] as const);
      }),
    );
  }

  /** Undefined for an unknown host. Untrusted forwarding headers must already be removed. */
  recognise({ headers }: IncomingMessage): Visit | undefined {
    const [forwarded] = String(headers['x-forwarded-host'] ?? '').split(',');
    const host = (forwarded === undefined || forwarded === '' ? (headers.host ?? '') : forwarded).trim().toLowerCase();
    if (spellings(this.issuer).includes(host)) {
      return { by: 'issuer' };
    }
    const origin = this.inside.get(host);
    return origin === undefined ? undefined : { by: 'inside', origin };
  }

  /** Rewrites the request's host to the issuer's, so that every URL derived from it is the issuer's. */
  rewriteToIssuer(request: IncomingMessage): void {
    request.headers.host = this.issuer.host;
    request.headers['x-forwarded-proto'] = this.issuer.protocol.slice(0, -1);
    delete request.headers['x-forwarded-host'];
  }
}

/** A client may name the default port of the scheme. */
function spellings({ protocol, host, hostname, port }: URL): string[] {
  return port === '' ? [host, `${hostname}:${DEFAULT_PORTS[protocol] ?? ''}`] : [host];
}
