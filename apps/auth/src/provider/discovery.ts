import type { IncomingMessage } from 'node:http';
import type { Provider } from 'oidc-provider';
import { z } from 'zod';
import { API_SCOPES } from './api-access';

const Metadata = z.looseObject({ scopes_supported: z.array(z.string()) });

/** Endpoints that programs call. Browsers use only the issuer's own address. */
const FOR_PROGRAMS = [
  'jwks_uri',
  'token_endpoint',
  'introspection_endpoint',
  'revocation_endpoint',
  'device_authorization_endpoint',
] as const;

/**
 * Completes the library's discovery document. It adds the scopes of the API, which clients expect there. For an internal caller, it
 * replaces the endpoints that the caller itself uses with internal addresses.
 */
export function completeDiscovery(
  provider: Provider,
  insideOf: (request: IncomingMessage) => string | undefined,
): void {
  provider.use(async (ctx, next) => {
    await next();
    if (!ctx.path.startsWith('/.well-known/')) {
      return;
    }
    const { success, data: document } = Metadata.safeParse(ctx.body);
    if (!success) {
      return;
    }
    const origin = insideOf(ctx.req);
    const inside = origin === undefined ? {} : moved(document, origin);
    ctx.body = { ...document, ...inside, scopes_supported: [...document.scopes_supported, ...API_SCOPES] };
  });
}

function moved(document: Readonly<Record<string, unknown>>, origin: string): Record<string, string> {
  const entries = FOR_PROGRAMS.flatMap((name) => {
    const address = document[name];
    if (typeof address !== 'string') {
      return [];
    }
    return [[name, `${origin}${new URL(address).pathname}`] as const];
  });
  return Object.fromEntries(entries);
}
