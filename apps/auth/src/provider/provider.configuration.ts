import { type AdapterFactory, type Configuration, errors, type JWK, type KoaContextWithOIDC } from 'oidc-provider';
import { API_AUDIENCE, type Role } from '@rookery/contracts';
import type { User } from '../account/user.entity';
import type { AccessTokenRegister } from './access-token-register';
import { ANONYMOUS_SESSION_SECONDS } from './anonymous-sessions';
import { API_RESOURCE, apiScopesOfClient, scopesOfRoles } from './api-access';
import { consentPolicy, grantableHere, isFirstParty } from './consent-policy';
import * as pages from './provider.pages';
import type { TokenStanding } from './token-standing';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface ProviderParts {
  readonly issuer: string;
  readonly cookieKeys: readonly string[];
  readonly keys: readonly JWK[];
  readonly adapter: AdapterFactory;
  readonly register: AccessTokenRegister;
  readonly standing: TokenStanding;
  readonly findUser: (id: string) => Promise<User | undefined>;
}

const LIFETIMES: NonNullable<Configuration['ttl']> = {
  AccessToken: 10 * MINUTE,
  ClientCredentials: 10 * MINUTE,
  AuthorizationCode: MINUTE,
  DeviceCode: 10 * MINUTE,
  IdToken: HOUR,
  Interaction: HOUR,
  Session: (_ctx, session) => (session.accountId === undefined ? ANONYMOUS_SESSION_SECONDS : 14 * DAY),
  Grant: 14 * DAY,
  // A rotated token does not outlive the first one.
  RefreshToken: (ctx) => ctx.oidc.entities.RotatedRefreshToken?.remainingTTL ?? 14 * DAY,
};

/** The configuration of the provider. Every optional feature of oidc-provider that is not named here is disabled. */
export function providerConfiguration(parts: ProviderParts): Configuration {
  const rolesOf = async (accountId: string | undefined): Promise<readonly Role[]> => {
    const user = accountId === undefined ? undefined : await parts.findUser(accountId);
    return user?.roles ?? [];
  };

  return {
    adapter: parts.adapter,
    jwks: { keys: [...parts.keys] },
    cookies: cookies(parts),
    clientDefaults: {
      id_token_signed_response_alg: 'ES256',
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    extraClientMetadata: { properties: ['api_scope', 'first_party'] },
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'] },
    acceptQueryParamAccessTokens: false,
    allowOmittingSingleRegisteredRedirectUri: false,
    pkce: { required: () => true },
    interactions: { policy: consentPolicy(rolesOf), url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: features(parts, rolesOf),
    ttl: LIFETIMES,
    rotateRefreshToken: true,
    issueRefreshToken: (ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') && (source.scopes.has('offline_access') || isFirstParty(ctx)),
    clientBasedCORS: (_ctx, origin, client) =>
      client.clientAuthMethod === 'none' &&
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    findAccount: async (_ctx, id) => {
      const user = await parts.findUser(id);
      if (user === undefined) {
        return undefined;
      }
      return {
        accountId: user.id,
        claims: () => ({ sub: user.id, name: user.name, email: user.email, email_verified: false }),
      };
    },
    // Roles are read for each token, so that a change takes effect within the lifetime of an access token.
    extraTokenClaims: async (_ctx, token) =>
      token.kind === 'AccessToken' ? { roles: [...(await rolesOf(token.accountId))] } : undefined,
    formats: {
      customizers: {
        jwt: async (_ctx, token, jwt) => {
          await parts.register.record(jwt.payload, token.kind === 'AccessToken' ? token.grantId : undefined);
        },
      },
    },
    loadExistingGrant: (ctx) => loadGrant(ctx, rolesOf),
    renderError: pages.renderError,
  };
}

function cookies({ issuer, cookieKeys }: ProviderParts): NonNullable<Configuration['cookies']> {
  const secure = issuer.startsWith('https:');
  const cookie = { httpOnly: true, sameSite: 'lax', secure, signed: true } as const;
  return {
    keys: [...cookieKeys],
    // Short-lived cookies are bound to a path, which the __Host- prefix forbids.
    names: secure
      ? { session: '__Host-session', interaction: '__Secure-interaction', resume: '__Secure-resume' }
      : { session: 'session', interaction: 'interaction', resume: 'resume' },
    long: cookie,
    short: cookie,
  };
}

/** The optional features that are used, and those that the provider would enable by itself. */
function features(parts: ProviderParts, rolesOf: RolesOf): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    // Access tokens are for the API; the claims of userinfo are in the ID token.
    userinfo: { enabled: false },
    clientCredentials: { enabled: true },
    // As for JWTs (structured-tokens.ts): a public client may introspect only its own tokens, and no client revokes another's.
    introspection: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) => {
        const mayAsk = client.clientAuthMethod !== 'none' || token.clientId === client.clientId;
        const accountId = 'accountId' in token ? token.accountId : undefined;
        return mayAsk && (await parts.standing.of({ clientId: token.clientId, accountId, scopes: [] })) !== undefined;
      },
    },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    deviceFlow: {
      enabled: true,
      // The location of a device is not needed, so it is not stored.
      deviceInfo: () => ({}),
      userCodeInputSource: pages.userCodeInputSource,
      userCodeConfirmSource: pages.userCodeConfirmSource,
      successSource: pages.deviceSuccessSource,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: pages.logoutSource,
      postLogoutSuccessSource: pages.postLogoutSuccessSource,
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => API_RESOURCE,
      useGrantedResource: () => true,
      getResourceServerInfo: async (ctx, resource, client) => {
        if (resource !== API_RESOURCE) {
          throw new errors.InvalidTarget();
        }
        return {
          scope: (await scopesAtMost(ctx, apiScopesOfClient(client['api_scope']), rolesOf)).join(' '),
          audience: API_AUDIENCE,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 10 * MINUTE,
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  };
}

type RolesOf = (accountId: string | undefined) => Promise<readonly Role[]>;

/** At the token endpoint the scopes are limited to those that the user's roles allow now, whatever was granted before. */
async function scopesAtMost(ctx: KoaContextWithOIDC, ofClient: readonly string[], rolesOf: RolesOf): Promise<string[]> {
  const account = ctx.oidc.route === 'token' ? ctx.oidc.entities.Account : undefined;
  if (account === undefined) {
    return [...ofClient];
  }
  const ofRoles = scopesOfRoles(await rolesOf(account.accountId));
  return ofClient.filter((scope) => ofRoles.has(scope));
}

/** The grant of this user and client, if any; for first-party clients it is created and extended without consent. */
async function loadGrant(ctx: KoaContextWithOIDC, rolesOf: RolesOf) {
  const { client, session, account, provider, result } = ctx.oidc;
  if (client === undefined || account === undefined) {
    return undefined;
  }
  const grantId = result?.consent?.grantId ?? session?.grantIdFor(client.clientId);
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  if (!isFirstParty(ctx)) {
    return existing;
  }

  const grant = existing ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  grant.addOIDCScope([...ctx.oidc.requestParamOIDCScopes].join(' '));
  grant.addResourceScope(API_RESOURCE, grantableHere(ctx, await rolesOf(account.accountId)).join(' '));
  await grant.save();
  return grant;
}
