import {
  createLocalJWKSet,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  jwtVerify,
  type JWTVerifyGetKey,
  SignJWT,
} from 'jose';
import { z } from 'zod';
import { type Caller, Callers, rpcEdges, type Service } from '@rookery/contracts';
import { type Actor, CallRefused, logger } from '@rookery/platform';
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance';
import { TokenCache } from '../token-cache';

/** `typ` of internal tokens: no other kind of JWT can be taken for one. */
const TOKEN_TYPE = 'rookery-internal+jwt';
const LIFETIME_SECONDS = 60;
/** A token is reused for this time: it then lives for at least 40 s, longer than any deadline. */
const REUSE_MS = 20_000;
const MAX_CACHED = 5000;

const ActorClaim = z.object({
  subject: z.string(),
  issuer: z.string(),
  clientId: z.string().nullable(),
  scopes: z.array(z.string()),
  roles: z.array(z.string()),
});
const Claims = z.object({ iss: z.string(), exp: z.number(), actor: ActorClaim.optional() });

/** The content of a verified internal token. */
export interface InternalCall {
  readonly caller: Caller;
  /** On whose behalf the caller asks; undefined for a call of its own. */
  readonly actor: Actor | undefined;
}

/** 401: the message has no internal token that is valid for this service. */
export class InvalidInternalToken extends CallRefused {
  constructor() {
    const detail = 'The request does not come from a service that is allowed to make it.';
    super('auth.invalid-internal-token', { status: 401, detail });
  }
}

/**
 * Signs the short-lived tokens of requests between services: ES256, for one service, valid for 60 s by the caller's clock. The
 * callee's clock may differ by `CLOCK_TOLERANCE_SECONDS`.
 */
export class InternalTokenIssuer {
  private readonly key: ReturnType<typeof importJWK>;
  private readonly kid: string;
  private readonly issued = new TokenCache<string>(
    { size: MAX_CACHED, ttlMs: REUSE_MS },
    // With the wall clock, a clock set back would reuse tokens that other processes consider expired.
    () => performance.now(),
  );

  /**
   * `key` is a private ES256 JWK whose kid is the caller's name, or starts with it and a dot.
   * @throws {Error} when the key is of another kind or belongs to another caller
   */
  constructor(private readonly options: { readonly key: JWK; readonly issuer: Caller }) {
    const { key, issuer } = options;
    if (!isKeyOf(issuer, key.kid) || key.kty !== 'EC' || key.crv !== 'P-256' || key.d === undefined) {
      throw new Error(`INTERNAL_SIGNING_KEY must be a private P-256 JWK with kid "${issuer}" or "${issuer}.…"`);
    }
    this.kid = key.kid;
    this.key = importJWK(key, 'ES256');
  }

  /** A token for `target` on behalf of `actor`; the same token is returned for up to 20 s. */
  async sign(target: Service, actor?: Actor): Promise<string> {
    const cacheKey = JSON.stringify([target, actor ?? null]);
    const known = this.issued.get(cacheKey);
    if (known !== undefined) {
      return known;
    }
    const issuedAt = Math.floor(Date.now() / 1000);
    const token = await new SignJWT(actor === undefined ? {} : { actor })
      .setProtectedHeader({ alg: 'ES256', typ: TOKEN_TYPE, kid: this.kid })
      .setIssuer(this.options.issuer)
      .setAudience(target)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFETIME_SECONDS)
      .sign(await this.key);
    this.issued.set(cacheKey, token, Infinity);
    return token;
  }
}

/** Verifies internal tokens for one service; the context map must allow the caller to call it. */
export class InternalTokenVerifier {
  private readonly keys: JWTVerifyGetKey;
  private readonly verified = new TokenCache<InternalCall>({ size: MAX_CACHED, ttlMs: REUSE_MS });

  /** `jwks` holds the public keys of the callers, each with a kid as `InternalTokenIssuer` requires. */
  constructor(private readonly options: { readonly jwks: JSONWebKeySet; readonly audience: Service }) {
    this.keys = createLocalJWKSet(options.jwks);
  }

  /**
   * The content of a token. The reason of a rejection is logged, without the token.
   * @throws {InvalidInternalToken} when the token is invalid (401)
   */
  async verify(token: string): Promise<InternalCall> {
    const known = this.verified.get(token);
    if (known !== undefined) {
      return known;
    }
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.keys, {
        audience: this.options.audience,
        algorithms: ['ES256'],
        typ: TOKEN_TYPE,
        requiredClaims: ['exp', 'iat', 'iss'],
        maxTokenAge: LIFETIME_SECONDS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
      });
      const { iss, exp, actor } = Claims.parse(payload);
      const call: InternalCall = { caller: callerOf(iss, protectedHeader.kid, this.options.audience), actor };
      this.verified.set(token, call, exp * 1000);
      return call;
    } catch (error) {
      logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'internal token rejected');
      throw new InvalidInternalToken();
    }
  }
}

/** A key belongs to the process it is named after. During a rotation there are two: `gateway` and `gateway.<suffix>`. */
const isKeyOf = (issuer: string, kid: string | undefined): kid is string =>
  kid === issuer || kid?.startsWith(`${issuer}.`) === true;

/** The key identifies the caller: no process may issue tokens in another's name, or call a service against the context map. */
function callerOf(issuer: string, kid: string | undefined, audience: Service): Caller {
  const caller = Callers.find((name) => name === issuer);
  if (caller === undefined || !isKeyOf(issuer, kid)) {
    throw new Error('the key does not belong to the issuer');
  }
  if (!rpcEdges[caller].includes(audience)) {
    throw new Error(`${caller} may not call ${audience}`);
  }
  return caller;
}
