import { logger, Metrics, ServiceUnavailable, type AccessLease, type Actor } from '@rookery/platform';
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance';
import { TokenCache } from '../token-cache';
import { InvalidToken } from './challenges';
import { ProviderKeys, REMEMBERED_MS } from './provider-keys';

/** Signature algorithms of an issuer that can be taken: all with a key pair, so that no public key can pass for a secret. */
export const TokenAlgorithms = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'Ed25519'] as const;

/** What an issuer says in `typ`: `at+jwt` as RFC 9068 has it, or `JWT` as issuers do that are older than it. */
export const TokenTypes = ['at+jwt', 'JWT'] as const;

/** Whose access tokens are taken, and for whom they must be made. */
export interface AccessTokenRules {
  /** Exactly as in the `iss` claim. */
  readonly issuer: string;
  readonly audience: string;
  /** Where this process reaches the issuer; the issuer itself unless told. */
  readonly issuerAddress?: string | undefined;
  /** ES256 only unless told. */
  readonly algorithms?: readonly (typeof TokenAlgorithms)[number][] | undefined;
  /** `at+jwt` unless told. */
  readonly type?: (typeof TokenTypes)[number] | undefined;
}

const Claims = z.object({
  iss: z.string(),
  sub: z.string().min(1).max(255),
  exp: z.number(),
  client_id: z.string().min(1).optional(),
  // What issuers that are older than RFC 9068 call the client.
  azp: z.string().min(1).optional(),
  scope: z.string().optional(),
  roles: z.array(z.string()).optional(),
});

/** Whom a good token speaks for, and how long it lets an open answer go on. */
export interface AdmittedCaller {
  readonly actor: Actor;
  readonly lease: AccessLease;
}

interface Verified {
  readonly actor: Actor;
  readonly expiresAtMs: number;
}

/** Header parameters (RFC 7515, 4.1) by which a token would bring its own key. */
const foreignKeys = ['jwk', 'jku', 'x5u', 'x5c'] as const;

/** Claims that only ID tokens have (OpenID Connect Core 1.0, 2 and 3.3.2.11). */
const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash'] as const;

/**
 * Verifies JWT access tokens (RFC 9068): ES256 only, `typ: at+jwt`, key by `kid` from the issuer's own key set, and iss, aud, exp,
 * iat and sub must be there and right. An ID token has another `typ`, a refresh token is no JWT. Where the issuer's access tokens
 * are `typ: JWT` like its ID tokens, a token must also have a scope and nothing that only ID tokens have. Throws `InvalidToken`
 * for every token that is not good, `ServiceUnavailable` while the issuer's keys cannot be had.
 */
export class AccessTokenVerifier {
  private readonly keys: JWTVerifyGetKey;
  private readonly verified = new TokenCache<Verified>({ size: 2000, ttlMs: REMEMBERED_MS });

  constructor(
    private readonly rules: AccessTokenRules,
    metrics = new Metrics(),
  ) {
    this.keys = new ProviderKeys(rules.issuer, metrics, rules.issuerAddress).find;
  }

  async verify(token: string): Promise<Actor> {
    return (await this.look(token)).actor;
  }

  /** The same, with a lease for an answer that stays open. */
  async admit(token: string): Promise<AdmittedCaller> {
    const { actor, expiresAtMs } = await this.look(token);
    return { actor, lease: { expiresAtMs, holds: () => this.isStillGood(token) } };
  }

  /** While the issuer's keys cannot be had nothing has been found wrong with the token. */
  private async isStillGood(token: string): Promise<boolean> {
    try {
      await this.look(token);
      return true;
    } catch (error) {
      if (error instanceof InvalidToken) return false;
      if (error instanceof ServiceUnavailable) return true;
      throw error;
    }
  }

  private async look(token: string): Promise<Verified> {
    const known = this.verified.get(token);
    if (known !== undefined) return known;
    const claims = await this.check(token);
    const actor: Actor = {
      subject: claims.sub,
      issuer: claims.iss,
      clientId: claims.client_id ?? claims.azp ?? null,
      scopes: claims.scope?.split(' ').filter((scope) => scope !== '') ?? [],
      roles: claims.roles ?? [],
    };
    const verified = { actor, expiresAtMs: claims.exp * 1000 };
    this.verified.set(token, verified, verified.expiresAtMs);
    return verified;
  }

  private async check(token: string): Promise<z.infer<typeof Claims>> {
    const { algorithms = ['ES256'], type = 'at+jwt' } = this.rules;
    try {
      refuseForeignKeys(token);
      const { payload } = await jwtVerify(token, this.keys, {
        issuer: this.rules.issuer,
        audience: this.rules.audience,
        algorithms: [...algorithms],
        typ: type,
        requiredClaims: ['exp', 'iat', 'sub'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      if (type === 'JWT') refuseIdTokens(payload);
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

/** Where `typ` does not tell the two apart: an audience that is also a client would let that client's ID tokens in. */
function refuseIdTokens(payload: JWTPayload): void {
  if (typeof payload['scope'] !== 'string') throw new errors.JWTInvalid('no scope: not an access token');
  for (const name of idTokenClaims) {
    if (name in payload) throw new errors.JWTInvalid(`an ID token: ${name}`);
  }
}
