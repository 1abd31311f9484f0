import { API_AUDIENCE } from '@rookery/contracts';
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { errors, type JWK, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { AccessTokenRegister } from './access-token-register';

/**
 * oidc-provider refuses to introspect or revoke JWT access tokens. RFC 7662 and 7009 know no such difference, so this answers for them,
 * after oidc-provider has authenticated the client.
 */
export function serveStructuredTokens(provider: Provider, keys: readonly JWK[], register: AccessTokenRegister): void {
  const refused = new WeakSet<object>();
  const remember = (ctx: KoaContextWithOIDC, error: unknown) => {
    if (error instanceof errors.UnsupportedTokenType) refused.add(ctx.req);
  };
  provider.on('introspection.error', remember);
  provider.on('revocation.error', remember);

  const keySet = createLocalJWKSet({
    keys: keys.map(({ kty, crv, x, y, kid, alg }) => ({ kty, crv, x, y, kid, alg })),
  });
  const read = async (token: unknown): Promise<JWTPayload | undefined> => {
    if (typeof token !== 'string') return undefined;
    const options = { issuer: provider.issuer, audience: API_AUDIENCE, algorithms: ['ES256'], typ: 'at+jwt' };
    return jwtVerify(token, keySet, options).then(
      ({ payload }) => payload,
      () => undefined,
    );
  };

  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next();
    if (!refused.has(ctx.req)) return;
    const { route, params, client } = ctx.oidc;
    const claims = await read(params?.['token']);
    // A public client proves nothing about itself: it may only ask about its own tokens. Nobody revokes another's.
    const own = claims !== undefined && claims['client_id'] === client?.clientId;
    const mayAsk = own || client?.clientAuthMethod !== 'none';

    if (route === 'revocation') {
      if (own && claims.jti !== undefined) await register.revoke(claims.jti);
      ctx.status = 200;
      ctx.body = '';
      return;
    }
    const active = mayAsk && claims?.jti !== undefined && (await register.isActive(claims.jti));
    ctx.status = 200;
    ctx.body = active ? { ...claims, active, token_type: 'Bearer' } : { active: false };
  });
}
