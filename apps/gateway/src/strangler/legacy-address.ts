import { InvalidInput } from '@rookery/platform';
import { isUnder, type StranglerRoute } from './strangler-routes';

type Rewriting = Pick<StranglerRoute, 'prefix' | 'rewritePrefix' | 'upstream'>;

/** Escapes within escapes that are looked through; more of them have no honest use. */
const MAX_DECODINGS = 3;

/**
 * Path and query that the legacy system is asked for. What it could read differently than this process does is refused with 400,
 * not cleaned: dot segments, empty ones, backslashes, slashes and dots behind (several) escapes, path parameters that hide dots, an
 * address in absolute form (RFC 9112, 3.2.2), and a prefix that is spelled in another way.
 */
export function legacyTarget({ prefix, rewritePrefix = prefix }: Rewriting, url: string): string {
  const [path = '', ...query] = url.split('?');
  if (!isUnder(path, prefix) || !isPlain(path) || !isPrintable(url)) {
    throw new InvalidInput([{ pointer: '#/path', detail: 'must be written without detours' }]);
  }
  return [`${rewritePrefix}${path.slice(prefix.length)}`, ...query].join('?');
}

/** Visible ASCII without what belongs to no request target (RFC 3986). */
function isPrintable(url: string): boolean {
  return /^[\x21-\x7e]*$/.test(url) && !/[#\\]/.test(url);
}

function isPlain(path: string): boolean {
  let text = path;
  for (let round = 0; ; round += 1) {
    if (hasDetour(text)) return false;
    const decoded = decode(text);
    if (decoded === undefined || decoded === text) return true;
    if (round >= MAX_DECODINGS || count(decoded, '/') !== count(text, '/')) return false;
    text = decoded;
  }
}

function hasDetour(path: string): boolean {
  // A slash at the end is one empty segment, and fine.
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
    // A percent sign that escapes nothing: what it stands for was reached in the round before.
    return undefined;
  }
}

const count = (text: string, character: string): number => text.split(character).length - 1;

/**
 * A Location as the client can use it: the legacy system's own origin goes, its prefix becomes the public one again. Addresses of
 * other hosts, and relative ones, stay as they are.
 */
export function publicLocation(route: Rewriting, location: string): string {
  const { prefix, rewritePrefix = prefix, upstream } = route;
  if (!location.startsWith('/') && !URL.canParse(location)) return location;
  if (!URL.canParse(location, upstream)) return location;
  const target = new URL(location, upstream);
  if (target.origin !== upstream) return location;
  const path = isUnder(target.pathname, rewritePrefix)
    ? `${prefix}${target.pathname.slice(rewritePrefix.length)}`
    : target.pathname;
  // Two slashes in front would name a host: as a part of a path they are written so (WHATWG URL, serializing).
  return `${path.startsWith('//') ? '/.' : ''}${path}${target.search}${target.hash}`;
}
