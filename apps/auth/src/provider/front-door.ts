import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BlockList } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { errorPage } from '../pages/error.page';
import { pageHeaders } from '../pages/page';
import { AddressLimit } from './address-limit';
import { KnownHosts, type Visit } from './known-hosts';
import { NOWHERE, type Place } from './provider-routes';
import { dropForgedForwarding, trustedProxies } from './trusted-proxies';

/** A request in middleware. `ip` respects X-Forwarded-For only from proxies in TRUST_PROXY. */
export type MiddlewareRequest = IncomingMessage & { readonly originalUrl?: string; readonly ip?: string };

interface Refusal {
  readonly status: number;
  readonly heading: string;
  readonly text: string;
  /** Error code of RFC 6749, 5.2. */
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Rejects requests before any lookup or storage: an address beyond its limit (429), a page over plain HTTP (400), an unknown host
 * (421), an unknown path (404), an unsupported method (405).
 */
@Injectable()
export class FrontDoor {
  private readonly trusted: BlockList;
  private readonly hosts: KnownHosts;
  private readonly visits = new WeakMap<IncomingMessage, Visit>();

  constructor(
    @Inject(AUTH_CONFIG) private readonly config: AuthConfig,
    private readonly limit: AddressLimit,
  ) {
    this.trusted = trustedProxies(config.TRUST_PROXY);
    this.hosts = new KnownHosts(config.OIDC_ISSUER, config.OIDC_INTERNAL_URLS);
  }

  /** Whether the request may continue; if not, it has been answered. */
  async admits(request: MiddlewareRequest, response: ServerResponse, place: Place): Promise<boolean> {
    const refusal = await this.refusalOf(request, place);
    if (refusal === undefined) {
      return true;
    }
    send(response, place, refusal);
    return false;
  }

  /** The internal origin of a request; undefined if it used the issuer's name. */
  insideOf(request: IncomingMessage): string | undefined {
    const visit = this.visits.get(request);
    return visit?.by === 'inside' ? visit.origin : undefined;
  }

  private async refusalOf(request: MiddlewareRequest, place: Place): Promise<Refusal | undefined> {
    const wait = await this.limit.count(place.budget, request.ip ?? request.socket.remoteAddress ?? '');
    if (wait !== undefined) {
      return tooMany(wait);
    }
    dropForgedForwarding(request, this.trusted);
    if (place.answers === 'page' && this.cameUnencrypted(request)) {
      return UNENCRYPTED;
    }
    const visit = this.hosts.recognise(request);
    if (visit === undefined || (visit.by === 'inside' && place.answers === 'page')) {
      return this.misdirected();
    }
    if (place === NOWHERE) {
      return undefined;
    }
    if (place.route === undefined) {
      return place.methods.length === 0 ? NOTHING_THERE : notAllowed(place.methods);
    }
    this.visits.set(request, visit);
    this.hosts.rewriteToIssuer(request);
    return undefined;
  }

  /** Cookies of pages must not travel over plain HTTP. Programs inside the cluster may use it: the mesh encrypts it. */
  private cameUnencrypted({ headers }: IncomingMessage): boolean {
    const [proto = ''] = String(headers['x-forwarded-proto'] ?? '').split(',');
    return this.config.OIDC_ISSUER.startsWith('https:') && proto.trim() !== 'https';
  }

  private misdirected(): Refusal {
    return {
      status: 421,
      heading: 'Wrong address',
      text: `This service is only available at ${this.config.OIDC_ISSUER}.`,
      error: 'invalid_request',
    };
  }
}

const UNENCRYPTED: Refusal = {
  status: 400,
  heading: 'This did not work',
  text: 'Open this page over HTTPS.',
  error: 'invalid_request',
};
const NOTHING_THERE: Refusal = {
  status: 404,
  heading: 'Page not found',
  text: 'Check the address, or go back to the application and start again.',
  error: 'invalid_request',
};

const tooMany = (wait: number): Refusal => ({
  status: 429,
  heading: 'Too many attempts',
  text: 'There were too many requests from your address. Please wait a minute and try again.',
  error: 'temporarily_unavailable',
  headers: { 'retry-after': String(wait) },
});

const notAllowed = (methods: readonly string[]): Refusal => ({
  status: 405,
  heading: 'This did not work',
  text: 'This address cannot be opened that way. Go back to the application and start again.',
  error: 'invalid_request',
  headers: { allow: methods.join(', ') },
});

function send(
  response: ServerResponse,
  { answers }: Place,
  { status, heading, text, error, headers = {} }: Refusal,
): void {
  if (answers === 'page') {
    response.writeHead(status, { ...pageHeaders(), ...headers }).end(errorPage(heading, text, error));
    return;
  }
  const body = JSON.stringify({ error, error_description: text });
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers })
    .end(body);
}
