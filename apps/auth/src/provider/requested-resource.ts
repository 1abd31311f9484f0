import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { API_RESOURCE } from './api-access';

/**
 * Refuses a resource (RFC 8707) that is not ours. The library looks at it only when the code or refresh token is used up already: the
 * client’s next request, without the mistake, would fail too.
 */
export function refuseUnknownResource(ctx: KoaContextWithOIDC | undefined): void {
  const asked: unknown = ctx?.oidc.params?.['resource'];
  if (asked === undefined) return;
  if ([asked].flat().some((resource) => resource !== API_RESOURCE)) throw new errors.InvalidTarget();
}
