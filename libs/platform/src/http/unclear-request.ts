import type { IncomingMessage } from 'node:http';

/**
 * Whether two readers of a request could understand it differently, so that it must be refused with 400: an HTTP/1.1 request
 * without Host or with more than one (RFC 9112, 3.2), one of HTTP/1.0 with a Transfer-Encoding, which that does not know (6.1), or with one
 * that is not undone here, or a query whose escapes are not UTF-8, which parsers keep as they are.
 */
export function isUnclear(request: IncomingMessage): boolean {
  return (
    !hasOneHost(request) || !isFramedOnce(request) || !isDecodable(request.url?.split('?').slice(1).join('?') ?? '')
  );
}

/** HTTP/1.0 knew no Host. */
function hasOneHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  // `headers` keeps the first of several silently.
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
}

function isFramedOnce({ httpVersion, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']?.toLowerCase();
  return coding === undefined || (coding === 'chunked' && httpVersion !== '1.0');
}

function isDecodable(text: string): boolean {
  if (!text.includes('%')) return true;
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
