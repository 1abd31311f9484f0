import { InvalidInput } from '@rookery/platform';
import { isUnder, type StranglerRoute } from './strangler-routes';

type Rewriting = Pick<StranglerRoute, 'prefix' | 'rewritePrefix' | 'upstream'>;

/** Levels of nested escapes that are decoded; more have no legitimate use. */
const MAX_DECODINGS = 3;

/**
 * Path and query of the request to the legacy system. What that system could parse differently is rejected with 400, not normalized:
 * dot segments, empty segments, backslashes, escaped slashes and dots (also nested), path parameters that hide dots, an address in
 * absolute form (RFC 9112, 3.2.2), and another spelling of the prefix.
 * @throws {InvalidInput} for such an address (400)
 */
export function legacyTarget({ prefix, rewritePrefix = prefix }: Rewriting, url: string): string {
  const [path = '', ...query] = url.split('?');
  if (!isUnder(path, prefix) || !isPlain(path) || !isPrintable(url)) {
    throw new InvalidInput([{ pointer: '#/path', detail: 'must be a normalized path' }]);
  }
  return [`${rewritePrefix}${path.slice(prefix.length)}`, ...query].join('?');
}

/** Visible ASCII without characters that no request target contains (RFC 3986). */
function isPrintable(url: string): boolean {
  return /^[\x21-\x7e]*$/.test(url) && !/[#\\]/.test(url);
}

function isPlain(path: string): boolean {
  let text = path;
  for (let round = 0; ; round += 1) {
    if (hasDetour(text)) {
      return false;
    }
    const decoded = decode(text);
    if (decoded === undefined || decoded === text) {
      return true;
    }
    if (round >= MAX_DECODINGS || count(decoded, '/') !== count(text, '/')) {
      return false;
    }
    text = decoded;
  }
}

function hasDetour(path: string): boolean {
  // A trailing slash is one empty segment, which is allowed.
  const segments = path.replace(/^\//, '').replace(/\/$/, '').split('/');
  const names = segments.map((segment) => segment.split(';', 1).join(''));
  const isRoot = segments.length === 1 && segments[0] === '';
  return (
    path.includes('\\') ||
    path.includes('\0') ||
    names.some((name) => /^\.{1,2}$/.test(name) || (name === '' && !isRoot))
  );
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // A percent sign that escapes nothing: the previous round has decoded everything.
    return undefined;
  }
}

const count = (text: string, character: string): number => text.split(character).length - 1;

/**
 * A Location that the client can use: without the legacy system's origin, and with the public prefix instead of its own. Addresses of
 * other hosts and relative ones stay unchanged.
 */
export function publicLocation(route: Rewriting, location: string): string {
  const { prefix, rewritePrefix = prefix, upstream } = route;
  if (!location.startsWith('/') && !URL.canParse(location)) {
    return location;
  }
  if (!URL.canParse(location, upstream)) {
    return location;
  }
  const target = new URL(location, upstream);
  if (target.origin !== upstream) {
    return location;
  }
  const path = isUnder(target.pathname, rewritePrefix)
    ? `${prefix}${target.pathname.slice(rewritePrefix.length)}`
    : target.pathname;
  // Two leading slashes would name a host; in a path they are serialized like this (WHATWG URL).
  return `${path.startsWith('//') ? '/.' : ''}${path}${target.search}${target.hash}`;
}
