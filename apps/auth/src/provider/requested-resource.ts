import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { API_RESOURCE } from './api-access';

/**
 * Rejects an unknown resource (RFC 8707). The library checks it only after it has consumed the code or refresh token, so the client’s
 * corrected request would fail too.
 */
export function rejectUnknownResource(ctx: KoaContextWithOIDC | undefined): void {
  const asked: unknown = ctx?.oidc.params?.['resource'];
  if (asked === undefined) {
    return;
  }
  if ([asked].flat().some((resource) => resource !== API_RESOURCE)) {
    throw new errors.InvalidTarget();
  }
}
