import { logger, Metrics, ServiceUnavailable, type Actor } from '@rookery/platform';
import { decodeProtectedHeader, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { TokenCache } from '../token-cache';
import { InvalidToken } from './challenges';
import { ProviderKeys } from './provider-keys';

/** Whose access tokens are taken, and for whom they must be made. */
export interface AccessTokenRules {
  /** Exactly as in the `iss` claim. */
  readonly issuer: string;
  readonly audience: string;
  /** Where this process reaches the issuer; the issuer itself unless told. */
  readonly issuerAddress?: string | undefined;
}

const CLOCK_TOLERANCE_SECONDS = 5;

const Claims = z.object({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  exp: z.number(),
  client_id: z.string().min(1).optional(),
  scope: z.string().optional(),
  roles: z.array(z.string()).optional(),
});

/** Header parameters (RFC 7515, 4.1) by which a token would bring its own key. */
const foreignKeys = ['jwk', 'jku', 'x5u', 'x5c'] as const;

/**
 * Verifies JWT access tokens (RFC 9068): ES256 only, `typ: at+jwt`, key by `kid` from the issuer's own key set, and iss, aud, exp,
 * iat and sub must be there and right. An ID token has another `typ`, a refresh token is no JWT. Throws `InvalidToken` for every
 * token that is not good, `ServiceUnavailable` while the issuer's keys cannot be had.
 */
export class AccessTokenVerifier {
  private readonly keys: JWTVerifyGetKey;
  private readonly verified = new TokenCache<Actor>({ size: 2000, ttlMs: 30_000 });

  constructor(
    private readonly rules: AccessTokenRules,
    metrics = new Metrics(),
  ) {
    this.keys = new ProviderKeys(rules.issuer, metrics, rules.issuerAddress).find;
  }

  async verify(token: string): Promise<Actor> {
    const known = this.verified.get(token);
    if (known !== undefined) return known;
    const claims = await this.check(token);
    const actor: Actor = {
      subject: claims.sub,
      issuer: claims.iss,
      clientId: claims.client_id ?? null,
      scopes: claims.scope?.split(' ').filter((scope) => scope !== '') ?? [],
      roles: claims.roles ?? [],
    };
    this.verified.set(token, actor, claims.exp * 1000);
    return actor;
  }

  private async check(token: string): Promise<z.infer<typeof Claims>> {
    try {
      refuseForeignKeys(token);
      const { payload } = await jwtVerify(token, this.keys, {
        issuer: this.rules.issuer,
        audience: this.rules.audience,
        algorithms: ['ES256'],
        typ: 'at+jwt',
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      return Claims.parse(payload);
    } catch (error) {
      if (error instanceof ServiceUnavailable) throw error;
      logger.info({ reason: error instanceof Error ? error.message : 'unknown' }, 'access token refused');
      throw new InvalidToken();
    }
  }
}

function refuseForeignKeys(token: string): void {
  const header = decodeProtectedHeader(token);
  if (typeof header.kid !== 'string') throw new errors.JWTInvalid('no key id');
  for (const name of foreignKeys) {
    if (name in header) throw new errors.JWTInvalid(`brings its own key: ${name}`);
  }
}
