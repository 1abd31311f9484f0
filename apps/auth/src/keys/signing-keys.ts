import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import type { JWK } from 'oidc-provider';
import { type DataSource, type EntityManager, Raw } from 'typeorm';
import { z } from 'zod';
import type { KeyCipher } from './key-cipher';
import { SigningKey, type SigningKeyState } from './signing-key.entity';

/** A number that no other lock of this database uses: two processes must not both create the first key. */
const LOCK = 7_210_041;

/** ID tokens live longest (one hour); a retired key stays published a little longer than that. */
export const RETIRED_KEY_SECONDS = 2 * 60 * 60;

const PrivateJwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
});
const ORDER: Readonly<Record<SigningKeyState, number>> = { active: 0, next: 1, retired: 2 };

/** The provider's ES256 keys, stored in the database so that every instance signs with and publishes the same keys. */
export class SigningKeys {
  constructor(
    private readonly dataSource: DataSource,
    private readonly cipher: KeyCipher,
  ) {}

  /** Creates the first key of a new installation; does nothing if there is one. */
  async ensureActive(): Promise<void> {
    await this.locked(async (tx) => {
      if (await tx.existsBy(SigningKey, { state: 'active' })) {
        return;
      }
      await this.insert(tx, 'active');
    });
  }

  /** All keys to publish, the signing key first (the provider signs with the first one that fits). */
  async load(): Promise<JWK[]> {
    const keys = await this.dataSource.getRepository(SigningKey).find();
    return keys
      .sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.createdAt.getTime() - b.createdAt.getTime())
      .map((key) => ({
        ...PrivateJwk.parse(JSON.parse(this.cipher.open(key.sealedJwk, key.kid))),
        kid: key.kid,
        alg: 'ES256' as const,
        use: 'sig' as const,
      }));
  }

  /** Changes whenever a key is added, removed or changes its state. */
  async fingerprint(): Promise<string> {
    const keys = await this.dataSource
      .getRepository(SigningKey)
      .find({ select: { kid: true, state: true }, order: { kid: 'ASC' } });
    return keys.map((key) => `${key.kid}:${key.state}`).join(' ');
  }

  /** First half of a rotation: publishes a new key that does not sign yet, or returns the one that is already waiting. */
  async publishNext(): Promise<string> {
    return this.locked(async (tx) => {
      const waiting = await tx.findOneBy(SigningKey, { state: 'next' });
      return waiting?.kid ?? (await this.insert(tx, 'next'));
    });
  }

  /** Second half of a rotation: the published key signs from now on; the previous one stays published for its tokens. */
  async activateNext(): Promise<string> {
    return this.locked(async (tx) => {
      const next = await tx.findOneByOrFail(SigningKey, { state: 'next' });
      await tx.update(SigningKey, { state: 'active' }, { state: 'retired', retiredAt: () => 'now()' });
      await tx.update(SigningKey, { kid: next.kid }, { state: 'active' });
      return next.kid;
    });
  }

  /** Removes the keys whose last token has expired, by the database's clock, and returns their number. */
  async dropExpired(): Promise<number> {
    const retiredAt = Raw((column) => `${column} < now() - make_interval(secs => ${RETIRED_KEY_SECONDS})`);
    const { affected } = await this.dataSource.getRepository(SigningKey).delete({ state: 'retired', retiredAt });
    return affected ?? 0;
  }

  private async insert(tx: EntityManager, state: SigningKeyState): Promise<string> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    const sealedJwk = this.cipher.seal(JSON.stringify(jwk), kid);
    await tx.insert(SigningKey, { kid, state, sealedJwk, createdAt: () => 'now()', retiredAt: null });
    return kid;
  }

  private locked<T>(work: (tx: EntityManager) => Promise<T>): Promise<T> {
    return this.dataSource.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      return work(tx);
    });
  }
}
