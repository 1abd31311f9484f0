const BEARER = /^bearer +(?<token>[\w.~+/-]+=*)$/i;

/**
 * The token of an `Authorization: Bearer` header (RFC 6750, 2.1). Undefined when there is no token or anything beside it: a system
 * to which the header is forwarded could take another part of it for the token.
 */
export function bearerTokenOf(authorization: string | undefined): string | undefined {
  return BEARER.exec(authorization ?? '')?.groups?.['token'];
}
