import { Deadline, logger, ServiceUnavailable, type Metrics } from '@rookery/platform';
import { CircuitOpen, Dependency } from '@rookery/resilience';
import { createRemoteJWKSet, customFetch, errors, type FetchImplementation, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

/** Longest time the provider may take to answer. */
const FETCH_TIMEOUT_MS = 3000;
/** A token with an unknown key makes us fetch the keys again, at most this often. */
const KEY_COOLDOWN_MS = 30_000;
/** How long the verifier remembers a token that was good. */
export const REMEMBERED_MS = 30_000;
/** No token of a key that the provider has withdrawn is believed longer than this. */
const WITHDRAWN_WITHIN_MS = 600_000;
/** The last answer that still has the key may be slow to come, and a token may be verified with it in its last moment and be remembered. */
const KEY_MAX_AGE_MS = WITHDRAWN_WITHIN_MS - FETCH_TIMEOUT_MS - REMEMBERED_MS;

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });

/**
 * The signing keys of an OpenID Provider, found by discovery (OpenID Connect Discovery 1.0, section 4) when they are first
 * needed: this process may start before the provider does. Until it answers, whoever needs a key gets `ServiceUnavailable`; after a
 * failure it is left alone for a second.
 */
export class ProviderKeys {
  private keys: Promise<JWTVerifyGetKey> | undefined;
  private readonly provider: Dependency;

  constructor(
    private readonly issuer: string,
    metrics: Metrics,
    /** Where this process reaches it. */
    private readonly address = issuer,
  ) {
    // One failure is enough: many tokens with unknown keys must not make us hammer. What is asked is small and asked once for all.
    const options = { opensAfter: 1, maxInFlight: 4, probeMs: FETCH_TIMEOUT_MS };
    this.provider = new Dependency('oidc-provider', metrics, options);
  }

  /** The key that a token's header names. Throws jose's `JWKSNoMatchingKey` when the provider has none like it. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const keys = await this.discover();
    try {
      return await keys(header, token);
    } catch (error) {
      if (tokensFault.some((kind) => error instanceof kind)) throw error;
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

  /** Not within the deadline of the request that happens to need it first: the others need it too. */
  private async ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    const deadline = Deadline.in(FETCH_TIMEOUT_MS);
    try {
      return await this.provider.call(work, { kind: what, deadline, repeatable: false });
    } catch (error) {
      if (!(error instanceof CircuitOpen)) {
        logger.warn({ err: error, issuer: this.issuer, what }, 'the OpenID Provider does not answer as it should');
      }
      throw error;
    }
  }

  private async fetchMetadata(): Promise<JWTVerifyGetKey> {
    const url = `${this.address.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), redirect: 'error' });
    if (!response.ok) throw new Error(`discovery answered ${response.status}`);
    const metadata = Metadata.parse(await response.json());
    if (metadata.issuer !== this.issuer) throw new Error('discovery names another issuer');
    return createRemoteJWKSet(new URL(metadata.jwks_uri), {
      timeoutDuration: FETCH_TIMEOUT_MS,
      cooldownDuration: KEY_COOLDOWN_MS,
      cacheMaxAge: KEY_MAX_AGE_MS,
      [customFetch]: (address, options) => this.ask('keys', () => this.fetchKeys(address, options)),
    });
  }

  private async fetchKeys(...[address, options]: Parameters<FetchImplementation>): Promise<Response> {
    const response = await fetch(address, options);
    if (!response.ok) throw new Error(`the key set answered ${response.status}`);
    return response;
  }
}

/** What jose throws when the keys are there and the token asks for another. */
const tokensFault = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported] as const;

const unavailable = (cause?: unknown): ServiceUnavailable =>
  new ServiceUnavailable('Access tokens cannot be checked now.', 1, { cause });
