import type { Role } from '@rookery/contracts';
import type { AccountService } from '../account/account.service';
import type { ClientAdapter } from '../clients/client-adapter';
import { API_SCOPES, apiScopesOfClient, grantableScopes } from './api-access';

/** Whose token it is and what was granted with it. */
export interface GrantedToken {
  readonly clientId: string | undefined;
  /** Undefined for a program's own token. */
  readonly accountId: string | undefined;
  readonly scopes: readonly string[];
}

/** What of a token counts now. */
export interface Standing {
  readonly scopes: readonly string[];
  readonly roles: readonly Role[];
}

/**
 * What tokens are still worth. A token is issued once; its user may be disabled or lose roles, and its client may lose scopes, before it
 * ends. Introspection answers by what holds now (RFC 7662, section 2.2), as a refresh does.
 */
export class TokenStanding {
  constructor(
    private readonly clients: ClientAdapter,
    private readonly accounts: AccountService,
  ) {}

  /** The token's scopes without those of the API that user or client may no longer hold; undefined: it counts for nothing. */
  async of({ clientId, accountId, scopes }: GrantedToken): Promise<Standing | undefined> {
    const client = clientId === undefined ? undefined : await this.clients.find(clientId);
    if (client === undefined) return undefined;
    const user = accountId === undefined ? undefined : await this.accounts.findEnabled(accountId);
    if (accountId !== undefined && user === undefined) return undefined;

    const ofApi = scopes.filter((scope) => API_SCOPES.includes(scope));
    const ofClient = apiScopesOfClient(client['api_scope']);
    const left = new Set(
      user === undefined
        ? ofApi.filter((scope) => ofClient.includes(scope))
        : grantableScopes(ofApi, client['api_scope'], user.roles),
    );
    if (ofApi.length > 0 && left.size === 0) return undefined;
    return {
      scopes: scopes.filter((scope) => !API_SCOPES.includes(scope) || left.has(scope)),
      roles: user?.roles ?? [],
    };
  }
}
