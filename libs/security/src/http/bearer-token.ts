const BEARER = /^bearer +(?<token>[\w.~+/-]+=*)$/i;

/**
 * The one token of an `Authorization: Bearer` header (RFC 6750, 2.1); undefined when there is none, or anything beside it: whoever the header is
 * forwarded to could take another part of it for the token.
 */
export function bearerTokenOf(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.groups?.['token'];
}
