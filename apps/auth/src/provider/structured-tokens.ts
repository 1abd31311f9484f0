import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { errors, type JWK, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { z } from 'zod';
import { API_AUDIENCE } from '@rookery/contracts';
import type { AccessTokenRegister } from './access-token-register';
import type { TokenStanding } from './token-standing';

const Claims = z.looseObject({
  jti: z.string(),
  sub: z.string(),
  client_id: z.string(),
  scope: z.string().optional(),
  roles: z.array(z.string()).optional(),
});
type Claims = z.infer<typeof Claims>;
const ActiveAnswer = z.looseObject({ active: z.literal(true), scope: z.string() });

interface Parts {
  readonly provider: Provider;
  readonly keys: readonly JWK[];
  readonly register: AccessTokenRegister;
  readonly standing: TokenStanding;
}

/**
 * Introspects and revokes JWT access tokens, after oidc-provider has authenticated the client. The library rejects such requests,
 * although RFC 7662 and 7009 do not exclude JWTs.
 */
export function serveStructuredTokens({ provider, keys, register, standing }: Parts): void {
  const refused = new WeakSet<object>();
  const remember = (ctx: KoaContextWithOIDC, error: unknown) => {
    if (error instanceof errors.UnsupportedTokenType) {
      refused.add(ctx.req);
    }
  };
  provider.on('introspection.error', remember);
  provider.on('revocation.error', remember);
  const read = readerOf(provider.issuer, keys);

  provider.use(async (ctx: KoaContextWithOIDC, next) => {
    await next();
    if (!refused.has(ctx.req)) {
      await showStanding(ctx, standing);
      return;
    }
    const { route, params, client } = ctx.oidc;
    const claims = await read(params?.['token']);
    // A public client is not authenticated, so it may only introspect its own tokens. No client revokes another's.
    const own = claims !== undefined && claims.client_id === client?.clientId;
    const mayAsk = own || client?.clientAuthMethod !== 'none';
    ctx.status = 200;
    if (route === 'revocation') {
      if (own) {
        await register.revoke(claims.jti);
      }
      ctx.body = '';
      return;
    }
    const active = mayAsk && claims !== undefined && (await register.isActive(claims.jti));
    ctx.body = (active ? await answerOf(claims, standing) : undefined) ?? { active: false };
  });
}

/** Parses tokens of this issuer. The register decides whether a token has expired, by the database's clock. */
function readerOf(issuer: string, keys: readonly JWK[]): (token: unknown) => Promise<Claims | undefined> {
  const keySet = createLocalJWKSet({
    keys: keys.map(({ kty, crv, x, y, kid, alg }) => ({ kty, crv, x, y, kid, alg })),
  });
  const options = {
    issuer,
    audience: API_AUDIENCE,
    algorithms: ['ES256'],
    typ: 'at+jwt',
    currentDate: new Date(0),
  };
  const claimsOf = ({ payload }: { readonly payload: JWTPayload }) => Claims.safeParse(payload).data;
  return async (token) =>
    typeof token === 'string' ? jwtVerify(token, keySet, options).then(claimsOf, () => undefined) : undefined;
}

/** Undefined when the token is no longer valid. */
async function answerOf(claims: Claims, standing: TokenStanding): Promise<object | undefined> {
  // The subject of a client's own token is the client (RFC 9068, section 2.2).
  const accountId = claims.sub === claims.client_id ? undefined : claims.sub;
  const now = await standing.of({ clientId: claims.client_id, accountId, scopes: scopesOf(claims.scope) });
  if (now === undefined) {
    return undefined;
  }
  const scope = claims.scope === undefined ? {} : { scope: now.scopes.join(' ') };
  const held: readonly string[] = now.roles;
  const roles = claims.roles === undefined ? {} : { roles: claims.roles.filter((role) => held.includes(role)) };
  return { ...claims, ...scope, ...roles, active: true, token_type: 'Bearer' };
}

/** The library shows the scopes that a refresh token was granted; this limits them to the ones that are valid now. */
async function showStanding(ctx: KoaContextWithOIDC, standing: TokenStanding): Promise<void> {
  const token = 'oidc' in ctx && ctx.oidc.route === 'introspection' ? ctx.oidc.entities.RefreshToken : undefined;
  const { success, data: answer } = ActiveAnswer.safeParse(ctx.body);
  if (token === undefined || !success) {
    return;
  }
  const { clientId, accountId } = token;
  const now = await standing.of({ clientId, accountId, scopes: scopesOf(answer.scope) });
  ctx.body = now === undefined ? { active: false } : { ...answer, scope: now.scopes.join(' ') };
}

const scopesOf = (scope: string | undefined): readonly string[] => (scope === undefined ? [] : scope.split(' '));
