import { type Role, type Scope, Scopes } from '@rookery/contracts';

/**
 * The public API as a resource (RFC 8707). It is the default resource of access tokens, so clients need not send `resource`. The
 * indicator must be an absolute URI; the audience of the tokens is the plain name that the gateway expects.
 */
export const API_RESOURCE = 'urn:rookery:api';

/** The scopes that each role may hold. */
const ROLE_SCOPES: Readonly<Record<Role, readonly Scope[]>> = {
  customer: ['orders:read', 'orders:write'],
  operator: ['catalog:write', 'orders:read', 'orders:write', 'ops:read', 'ops:write'],
};

export const API_SCOPES: readonly string[] = Object.keys(Scopes);

/** The API scopes that a person with these roles may hold. */
export const scopesOfRoles = (roles: readonly Role[]): ReadonlySet<string> =>
  new Set(roles.flatMap((role) => ROLE_SCOPES[role]));

/** The requested scopes that both the client and the person may hold; others are silently left out. */
export function grantableScopes(requested: Iterable<string>, clientScopes: unknown, roles: readonly Role[]): string[] {
  const ofClient = new Set(apiScopesOfClient(clientScopes));
  const ofRoles = scopesOfRoles(roles);
  return [...requested].filter((scope) => ofClient.has(scope) && ofRoles.has(scope));
}

/** The scopes in a client's `api_scope` metadata; none without it. */
export function apiScopesOfClient(metadata: unknown): string[] {
  return typeof metadata === 'string' ? metadata.split(' ').filter((scope) => API_SCOPES.includes(scope)) : [];
}
