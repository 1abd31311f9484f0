import type { IncomingMessage } from 'node:http';

/**
 * Whether two parsers could read a request differently, so that it must be rejected with 400: an HTTP/1.1 request
 * without exactly one Host (RFC 9112, 3.2), an HTTP/1.0 request with a Transfer-Encoding, which it does not define (6.1), an encoding
 * that is not decoded here, or a query whose escapes are not UTF-8, which parsers leave undecoded.
 */
export function isAmbiguous(request: IncomingMessage): boolean {
  return (
    !hasOneHost(request) || !isFramedOnce(request) || !isDecodable(request.url?.split('?').slice(1).join('?') ?? '')
  );
}

/** HTTP/1.0 did not define Host. */
function hasOneHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  // `headers` silently keeps the first of several.
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
}

function isFramedOnce({ httpVersion, headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']?.toLowerCase();
  return coding === undefined || (coding === 'chunked' && httpVersion !== '1.0');
}

function isDecodable(text: string): boolean {
  if (!text.includes('%')) {
    return true;
  }
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
