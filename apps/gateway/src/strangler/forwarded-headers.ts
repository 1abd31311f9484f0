import type { IncomingHttpHeaders } from 'node:http';

/** Headers by name, as in HTTP libraries. */
export type HeaderValues = Readonly<Record<string, string | string[] | undefined>>;

/**
 * Only listed headers pass to the legacy system and back. Not hop-by-hop fields (RFC 9110, 7.6.1), nor `x-user`, `x-forwarded-*` and
 * others that a system behind a proxy may trust, nor cookies: a browser also sends the cookies of the log-in, which is on another
 * port of this host, and the legacy system must not receive them.
 */
const requestHeaders = [
  'accept',
  'accept-language',
  'accept-encoding',
  'cache-control',
  'content-type',
  'content-encoding',
  'content-language',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'last-event-id',
  'origin',
  'prefer',
  'range',
  'user-agent',
] as const;

const responseHeaders = [
  'accept-ranges',
  'age',
  'allow',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-range',
  'content-type',
  'deprecation',
  'etag',
  'expires',
  'idempotent-replayed',
  'last-modified',
  'link',
  'preference-applied',
  'retry-after',
  'sunset',
  'vary',
  'warning',
  'www-authenticate',
] as const;

/** The gateway sets, checks or removes these itself: no configuration lets them pass. */
const NEVER_PASSED = [
  /^(authorization|host|expect|content-length|location|set-cookie2?|cookie2?)$/,
  /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|http2-settings|proxy-.*)$/,
  /^(forwarded|via|x-forwarded-.*|x-real-ip|x-user.*|x-rookery-.*|x-deadline|x-time-left-ms|x-correlation-id|traceparent|tracestate)$/,
  /^(access-control-.*|content-security-policy.*|strict-transport-security|alt-svc|clear-site-data|service-worker-allowed)$/,
  /^ratelimit.*$/,
];

/** Whether a route's `passHeaders` must not contain the header. */
export const isForbiddenHeader = (name: string): boolean => NEVER_PASSED.some((pattern) => pattern.test(name));

/** The headers of a request that go to the legacy system. */
export function headersToLegacy(given: IncomingHttpHeaders, further: readonly string[]): Record<string, string> {
  return pick(given, [...requestHeaders, ...further]);
}

/** The headers of the legacy system's response that go to the client. */
export function headersFromLegacy(given: HeaderValues, further: readonly string[]): Record<string, string> {
  return pick(given, [...responseHeaders, ...further]);
}

function pick(given: HeaderValues, names: readonly string[]): Record<string, string> {
  const onlyForThisHop = new Set(
    textOf(given['connection'])
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = given[name];
    if (value !== undefined && !onlyForThisHop.has(name)) {
      picked[name] = textOf(value);
    }
  }
  return picked;
}

const textOf = (value: string | string[] | undefined): string => [value ?? []].flat().join(', ');

/** A Cache-Control without shared caching: a shared cache would serve one side's response, with its ETag, to callers of the other. */
export function withoutSharedCaching(cacheControl: string | number | string[] | undefined): string {
  const directives = String(cacheControl ?? '')
    .split(',')
    .map((directive) => directive.trim())
    .filter((directive) => directive !== '');
  if (directives.includes('no-store')) {
    return directives.join(', ');
  }
  const shared = /^(public|private|s-maxage\b.*|proxy-revalidate)$/i;
  return ['private', ...directives.filter((directive) => !shared.test(directive))].join(', ');
}
