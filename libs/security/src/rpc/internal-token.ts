import { Callers, rpcEdges, type Caller, type Service } from '@rookery/contracts';
import { CallRefused, logger, type Actor } from '@rookery/platform';
import {
  createLocalJWKSet,
  importJWK,
  jwtVerify,
  SignJWT,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose';
import { z } from 'zod';
import { CLOCK_TOLERANCE_SECONDS } from '../clock-tolerance';
import { TokenCache } from '../token-cache';

/** Media type of internal tokens: no other kind of JWT can be taken for one. */
const TOKEN_TYPE = 'rookery-internal+jwt';
const LIFETIME_SECONDS = 60;
/** A token is used again for this long: it then has at least 40 s to live, more than any deadline. */
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

/** What a verified internal token says. */
export interface InternalCall {
  readonly caller: Caller;
  /** For whom the caller asks; undefined when for nobody. */
  readonly actor: Actor | undefined;
}

/** 401: the message carries no internal token, or none that is good for this service. */
export class InvalidInternalToken extends CallRefused {
  constructor() {
    const detail = 'The request does not come from a service that is allowed to make it.';
    super('auth.invalid-internal-token', { status: 401, detail });
  }
}

/**
 * Makes the short-lived tokens that accompany requests between services: ES256, for one service, 60 seconds. They begin and end by the
 * caller's clock, from which the callee's may differ by `CLOCK_TOLERANCE_SECONDS`.
 */
export class InternalTokenIssuer {
  private readonly key: ReturnType<typeof importJWK>;
  private readonly kid: string;
  private readonly issued = new TokenCache<string>(
    { size: MAX_CACHED, ttlMs: REUSE_MS },
    // A wall clock that is set back would have tokens used again that have ended for everybody else.
    () => performance.now(),
  );

  /** `key` is a private ES256 JWK whose kid is the caller's name, or begins with it and a dot; throws when it is something else. */
  constructor(private readonly options: { readonly key: JWK; readonly issuer: Caller }) {
    const { key, issuer } = options;
    if (!isKeyOf(issuer, key.kid) || key.kty !== 'EC' || key.crv !== 'P-256' || key.d === undefined) {
      throw new Error(`INTERNAL_SIGNING_KEY must be a private P-256 JWK with kid "${issuer}" or "${issuer}.…"`);
    }
    this.kid = key.kid;
    this.key = importJWK(key, 'ES256');
  }

  /** A token for `target` that speaks for `actor`; the same one again for up to 20 seconds. */
  async sign(target: Service, actor?: Actor): Promise<string> {
    const cacheKey = JSON.stringify([target, actor ?? null]);
    const known = this.issued.get(cacheKey);
    if (known !== undefined) return known;
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

/** Verifies internal tokens for one service; the caller must be one that the context map lets call it. */
export class InternalTokenVerifier {
  private readonly keys: JWTVerifyGetKey;
  private readonly verified = new TokenCache<InternalCall>({ size: MAX_CACHED, ttlMs: REUSE_MS });

  /** `jwks` holds the public keys of the callers, each with a kid as `InternalTokenIssuer` wants it. */
  constructor(private readonly options: { readonly jwks: JSONWebKeySet; readonly audience: Service }) {
    this.keys = createLocalJWKSet(options.jwks);
  }

  /** Throws `InvalidInternalToken` for every token that is not good; why is logged, without the token. */
  async verify(token: string): Promise<InternalCall> {
    const known = this.verified.get(token);
    if (known !== undefined) return known;
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
      logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, 'internal token refused');
      throw new InvalidInternalToken();
    }
  }
}

/** A key belongs to the process it is named after. While it is replaced there are two: `gateway` and `gateway.` with a name of its own. */
const isKeyOf = (issuer: string, kid: string | undefined): kid is string =>
  kid === issuer || kid?.startsWith(`${issuer}.`) === true;

/** The key names the caller: nobody may issue in another's name, or call whom the context map does not let him call. */
function callerOf(issuer: string, kid: string | undefined, audience: Service): Caller {
  const caller = Callers.find((name) => name === issuer);
  if (caller === undefined || !isKeyOf(issuer, kid)) throw new Error('issuer and key do not belong together');
  if (!rpcEdges[caller].includes(audience)) throw new Error(`${caller} may not call ${audience}`);
  return caller;
}
