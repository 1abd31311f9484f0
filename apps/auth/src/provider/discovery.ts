import type { Provider } from 'oidc-provider';
import { z } from 'zod';
import { API_SCOPES } from './api-access';

const Scopes = z.array(z.string());

/** oidc-provider names only its own scopes in the discovery document; clients look there for the API's too. */
export function announceApiScopes(provider: Provider): void {
  provider.use(async (ctx, next) => {
    await next();
    if (!ctx.path.startsWith('/.well-known/')) return;
    const document: unknown = ctx.body;
    if (typeof document !== 'object' || document === null || !('scopes_supported' in document)) return;
    const own = Scopes.parse(document.scopes_supported);
    ctx.body = { ...document, scopes_supported: [...own, ...API_SCOPES] };
  });
}
