import type { IncomingMessage } from 'node:http';

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** Under which name a request came. */
export type Visit = { readonly by: 'issuer' } | { readonly by: 'inside'; readonly origin: string };

/**
 * The names under which this service may be asked: the issuer's, and those that processes of ours use inside (OIDC_INTERNAL_URLS).
 * oidc-provider makes addresses from the Host header. So a request that gets past here has the issuer's, whatever it came with.
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

  /** Undefined: a name that is not ours. Forwarding headers must be gone already where they do not count. */
  recognise({ headers }: IncomingMessage): Visit | undefined {
    const [forwarded] = String(headers['x-forwarded-host'] ?? '').split(',');
    const host = (forwarded === undefined || forwarded === '' ? (headers.host ?? '') : forwarded).trim().toLowerCase();
    if (spellings(this.issuer).includes(host)) return { by: 'issuer' };
    const origin = this.inside.get(host);
    return origin === undefined ? undefined : { by: 'inside', origin };
  }

  /** Makes the request one to the issuer: every address that is made from it is the issuer's. */
  settle(request: IncomingMessage): void {
    request.headers.host = this.issuer.host;
    request.headers['x-forwarded-proto'] = this.issuer.protocol.slice(0, -1);
    delete request.headers['x-forwarded-host'];
  }
}

/** A client may name the port that its scheme has anyway. */
function spellings({ protocol, host, hostname, port }: URL): string[] {
  return port === '' ? [host, `${hostname}:${DEFAULT_PORTS[protocol] ?? ''}`] : [host];
}
