import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { Role } from '@rookery/contracts';
import { API_RESOURCE, grantableScopes } from './api-access';

const { Check, base } = interactionPolicy;

/** First-party clients, whose users are not asked for consent. */
export const isFirstParty = (ctx: KoaContextWithOIDC): boolean => ctx.oidc.client?.['first_party'] === true;

/** The API scopes of this request that its user and client may hold. */
export const grantableHere = (ctx: KoaContextWithOIDC, roles: readonly Role[]): string[] =>
  grantableScopes(ctx.oidc.requestParamScopes, ctx.oidc.client?.['api_scope'], roles);

/**
 * When to show which page. The policy of oidc-provider, except for three checks: a session of a disabled or deleted user must sign in
 * again, scopes that the user's role does not allow need no consent (they are never granted), and a first-party native client needs
 * no consent.
 */
export function consentPolicy(rolesOf: (accountId: string | undefined) => Promise<readonly Role[]>) {
  const policy = base();
  const signIn = policy.get('login')?.checks;
  const checks = policy.get('consent')?.checks;
  if (signIn === undefined || checks === undefined) {
    throw new Error('oidc-provider has no login or no consent prompt');
  }

  // Without it oidc-provider looks up a grant without an account and answers 500.
  signIn.add(
    new Check('account_unavailable', 'End-User authentication is required', (ctx) =>
      ctx.oidc.session?.accountId !== undefined && ctx.oidc.account === undefined
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT,
    ),
  );
  checks.remove('native_client_prompt');
  checks.remove('rs_scopes_missing');
  checks.add(
    new Check('native_client_prompt', 'native clients require End-User interaction', 'interaction_required', (ctx) => {
      const asks =
        ctx.oidc.client?.applicationType === 'native' && !isFirstParty(ctx) && ctx.oidc.result?.consent === undefined;
      return asks ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  checks.add(
    new Check('rs_scopes_missing', 'requested scopes not granted', async (ctx) => {
      const granted = new Set(ctx.oidc.grant?.getResourceScope(API_RESOURCE).split(' '));
      const wanted = grantableHere(ctx, await rolesOf(ctx.oidc.account?.accountId));
      return wanted.some((scope) => !granted.has(scope)) ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
    }),
  );
  return policy;
}
