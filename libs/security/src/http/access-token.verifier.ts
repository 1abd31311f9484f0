import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { type AccessLease, type Actor, logger, Metrics, ServiceUnavailable } from '@rookery/platform';
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance';
import { TokenCache } from '../token-cache';
import { InvalidToken } from './challenges';
import { ProviderKeys, TOKEN_CACHE_MS } from './provider-keys';

/** Accepted signature algorithms: all use a key pair, so that no public key can be taken for a shared secret. */
export const TokenAlgorithms = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'Ed25519'] as const;

/** Values of `typ`: `at+jwt` (RFC 9068), or `JWT` for issuers that predate it. */
export const TokenTypes = ['at+jwt', 'JWT'] as const;

/** Which access tokens are accepted. */
export interface AccessTokenRules {
  /** Exactly as in the `iss` claim. */
  readonly issuer: string;
  readonly audience: string;
  /**
   * Address at which this process reaches the issuer.
   * @default the issuer
   */
  readonly issuerAddress?: string | undefined;
  /** @default ['ES256'] */
  readonly algorithms?: readonly (typeof TokenAlgorithms)[number][] | undefined;
  /** @default 'at+jwt' */
  readonly type?: (typeof TokenTypes)[number] | undefined;
}

const Claims = z.object({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  exp: z.number(),
  client_id: z.string().min(1).optional(),
  // The client's id in tokens of issuers that predate RFC 9068.
  azp: z.string().min(1).optional(),
  scope: z.string().optional(),
  roles: z.array(z.string()).optional(),
});

/** The actor of a valid token, and how long the token allows a response to stay open. */
export interface AdmittedCaller {
  readonly actor: Actor;
  readonly lease: AccessLease;
}

interface Verified {
  readonly actor: Actor;
  readonly expiresAtMs: number;
}

/** Header parameters (RFC 7515, 4.1) with which a token would supply its own key. */
const FOREIGN_KEY_PARAMETERS = ['jwk', 'jku', 'x5u', 'x5c'] as const;

/** Claims that only ID tokens have (OpenID Connect Core 1.0, 2 and 3.3.2.11). */
const ID_TOKEN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash'] as const;

/**
 * Verifies JWT access tokens (RFC 9068): by default ES256 and `typ: at+jwt`, the key by `kid` from the issuer's key set; iss, aud, exp, iat
 * and sub must be present and valid. An ID token has another `typ`, and a refresh token is not a JWT. If the issuer's access tokens
 * are `typ: JWT` like its ID tokens, a token must also have a scope and no claim that only ID tokens have.
 *
 * @example
 * const verifier = new AccessTokenVerifier({ issuer: 'https://id.example', audience: 'rookery-api' });
 * const actor = await verifier.verify(token);
 */
export class AccessTokenVerifier {
  private readonly keys: JWTVerifyGetKey;
  private readonly cache = new TokenCache<Verified>({ size: 2000, ttlMs: TOKEN_CACHE_MS });

  constructor(
    private readonly rules: AccessTokenRules,
    metrics = new Metrics(),
  ) {
    this.keys = new ProviderKeys(rules.issuer, metrics, rules.issuerAddress).find;
  }

  /**
   * The actor of a token.
   * @throws {InvalidToken} when the token is invalid (401)
   * @throws {ServiceUnavailable} when the issuer's keys cannot be fetched (503)
   */
  async verify(token: string): Promise<Actor> {
    return (await this.verified(token)).actor;
  }

  /** Like `verify`, with a lease for a response that stays open. */
  async admit(token: string): Promise<AdmittedCaller> {
    const { actor, expiresAtMs } = await this.verified(token);
    return { actor, lease: { expiresAtMs, holds: () => this.isStillValid(token) } };
  }

  /** A token stays valid while the issuer's keys cannot be fetched. */
  private async isStillValid(token: string): Promise<boolean> {
    try {
      await this.verified(token);
      return true;
    } catch (error) {
      if (error instanceof InvalidToken) {
        return false;
      }
      if (error instanceof ServiceUnavailable) {
        return true;
      }
      throw error;
    }
  }

  private async verified(token: string): Promise<Verified> {
    const known = this.cache.get(token);
    if (known !== undefined) {
      return known;
    }
    const claims = await this.check(token);
    const actor: Actor = {
      subject: claims.sub,
      issuer: claims.iss,
      clientId: claims.client_id ?? claims.azp ?? null,
      scopes: claims.scope?.split(' ').filter((scope) => scope !== '') ?? [],
      roles: claims.roles ?? [],
    };
    const verified = { actor, expiresAtMs: claims.exp * 1000 };
    this.cache.set(token, verified, verified.expiresAtMs);
    return verified;
  }

  private async check(token: string): Promise<z.infer<typeof Claims>> {
    const { algorithms = ['ES256'], type = 'at+jwt' } = this.rules;
    try {
      rejectForeignKeys(token);
      const { payload } = await jwtVerify(token, this.keys, {
        issuer: this.rules.issuer,
        audience: this.rules.audience,
        algorithms: [...algorithms],
        typ: type,
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      if (type === 'JWT') {
        rejectIdTokens(payload);
      }
      return Claims.parse(payload);
    } catch (error) {
      if (error instanceof ServiceUnavailable) {
        throw error;
      }
      logger.info({ reason: error instanceof Error ? error.message : 'unknown' }, 'access token rejected');
      throw new InvalidToken();
    }
  }
}

function rejectForeignKeys(token: string): void {
  const header = decodeProtectedHeader(token);
  if (typeof header.kid !== 'string') {
    throw new errors.JWTInvalid('no key id');
  }
  for (const name of FOREIGN_KEY_PARAMETERS) {
    if (name in header) {
      throw new errors.JWTInvalid(`supplies its own key: ${name}`);
    }
  }
}

/** Needed if `typ` does not distinguish the two: an audience that is also a client would accept that client's ID tokens. */
function rejectIdTokens(payload: JWTPayload): void {
  if (typeof payload['scope'] !== 'string') {
    throw new errors.JWTInvalid('no scope: not an access token');
  }
  for (const name of ID_TOKEN_CLAIMS) {
    if (name in payload) {
      throw new errors.JWTInvalid(`an ID token: ${name}`);
    }
  }
}
