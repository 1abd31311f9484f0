import type { Role } from '@rookery/contracts';
import type { AccountService } from '../account/account.service';
import type { ClientAdapter } from '../clients/client-adapter';
import { API_SCOPES, apiScopesOfClient, grantableScopes } from './api-access';

/** A token's client, user and granted scopes. */
export interface GrantedToken {
  readonly clientId: string | undefined;
  /** Undefined for a client's own token. */
  readonly accountId: string | undefined;
  readonly scopes: readonly string[];
}

/** The scopes and roles of a token that are valid now. */
export interface Standing {
  readonly scopes: readonly string[];
  readonly roles: readonly Role[];
}

/**
 * The present validity of tokens. Before a token expires, its user may be disabled or lose roles, and its client may lose scopes.
 * Introspection reflects the present state (RFC 7662, section 2.2), as a refresh does.
 */
export class TokenStanding {
  constructor(
    private readonly clients: ClientAdapter,
    private readonly accounts: AccountService,
  ) {}

  /** The token's scopes without the API scopes that user or client may no longer hold; undefined if the token is invalid. */
  async of({ clientId, accountId, scopes }: GrantedToken): Promise<Standing | undefined> {
    const client = clientId === undefined ? undefined : await this.clients.find(clientId);
    if (client === undefined) {
      return undefined;
    }
    const user = accountId === undefined ? undefined : await this.accounts.findEnabled(accountId);
    if (accountId !== undefined && user === undefined) {
      return undefined;
    }

    const ofApi = scopes.filter((scope) => API_SCOPES.includes(scope));
    const ofClient = apiScopesOfClient(client['api_scope']);
    const left = new Set(
      user === undefined
        ? ofApi.filter((scope) => ofClient.includes(scope))
        : grantableScopes(ofApi, client['api_scope'], user.roles),
    );
    if (ofApi.length > 0 && left.size === 0) {
      return undefined;
    }
    return {
      scopes: scopes.filter((scope) => !API_SCOPES.includes(scope) || left.has(scope)),
      roles: user?.roles ?? [],
    };
  }
}
