import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { Deadline, logger, type Metrics, ServiceUnavailable } from '@rookery/platform';
import { CircuitOpen, Dependency } from '@rookery/resilience';

/** Timeout of a request to the provider. */
const FETCH_TIMEOUT_MS = 3000;
/** A token with an unknown key triggers a new fetch of the keys, at most once per this interval. */
const KEY_COOLDOWN_MS = 30_000;
/** How long the verifier caches a valid token. */
export const TOKEN_CACHE_MS = 30_000;
/** Longest time for which tokens of a withdrawn key are accepted. */
const WITHDRAWN_WITHIN_MS = 600_000;
/** The last response with the key may be slow, and a token may be verified with it at the last moment and then be cached. */
const KEY_MAX_AGE_MS = WITHDRAWN_WITHIN_MS - FETCH_TIMEOUT_MS - TOKEN_CACHE_MS;

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

/**
 * The signing keys of an OpenID Provider, found by discovery (OpenID Connect Discovery 1.0, section 4) on first use, because this
 * process may start before the provider. Until the provider answers, `find` throws `ServiceUnavailable`; after a failure the
 * provider is not asked for a second.
 */
export class ProviderKeys {
  private keys: Promise<JWTVerifyGetKey> | undefined;
  private readonly provider: Dependency;

  constructor(
    private readonly issuer: string,
    metrics: Metrics,
    /** Address at which this process reaches the provider. */
    private readonly address = issuer,
  ) {
    // One failure opens the breaker: many tokens with unknown keys must not cause many requests. A response serves all callers.
    const options = { opensAfter: 1, maxInFlight: 4, probeMs: FETCH_TIMEOUT_MS };
    this.provider = new Dependency('oidc-provider', metrics, options);
  }

  /**
   * The key that a token's header names.
   * @throws {JWKSNoMatchingKey} (jose) when the provider has no such key
   * @throws {ServiceUnavailable} when the provider does not answer
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.discover();
    try {
      return await keys(header, token);
    } catch (error) {
      if (TOKEN_ERRORS.some((kind) => error instanceof kind)) {
        throw error;
      }
      throw unavailable(error);
    }
  };

  private async discover(): Promise<JWTVerifyGetKey> {
    this.keys ??= this.ask('discovery', () => this.fetchMetadata());
    try {
      return await this.keys;
    } catch (cause) {
      this.keys = undefined;
      throw unavailable(cause);
    }
  }

  /** Independent of the deadline of the request that needs it first: other requests need the result too. */
  private async ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    const deadline = Deadline.in(FETCH_TIMEOUT_MS);
    try {
      return await this.provider.call(work, { kind: what, deadline, repeatable: false });
    } catch (error) {
      if (!(error instanceof CircuitOpen)) {
        logger.warn({ err: error, issuer: this.issuer, what }, 'no valid response from the OpenID Provider');
      }
      throw error;
    }
  }

  private async fetchMetadata(): Promise<JWTVerifyGetKey> {
    const url = `${this.address.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), redirect: 'error' });
    if (!response.ok) {
      throw new Error(`discovery answered ${response.status}`);
    }
    const metadata = Metadata.parse(await response.json());
    if (metadata.issuer !== this.issuer) {
      throw new Error('discovery names another issuer');
    }
    return createRemoteJWKSet(new URL(metadata.jwks_uri), {
      timeoutDuration: FETCH_TIMEOUT_MS,
      cooldownDuration: KEY_COOLDOWN_MS,
      cacheMaxAge: KEY_MAX_AGE_MS,
      [customFetch]: (address, options) => this.ask('keys', () => this.fetchKeys(address, options)),
    });
  }

  private async fetchKeys(...[address, options]: Parameters<FetchImplementation>): Promise<Response> {
    const response = await fetch(address, options);
    if (!response.ok) {
      throw new Error(`the key set answered ${response.status}`);
    }
    return response;
  }
}

/** Errors of jose that mean that the keys are present and the token names another one. */
const TOKEN_ERRORS = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported] as const;

const unavailable = (cause?: unknown): ServiceUnavailable =>
  new ServiceUnavailable('Access tokens cannot be verified at the moment.', 1, { cause });
