import * as jose from 'jose';
import * as oidc from 'openid-client';
import { z } from 'zod';
import { eventually } from '@rookery/testing';
import { SigningKeys } from '../src/keys/signing-keys';
import { AuthUnderTest } from './auth-under-test';

const Jwks = z.object({ keys: z.array(z.object({ kid: z.string() })) });

describe('the rotation of the signing key', () => {
  let auth: AuthUnderTest;
  let machine: oidc.Configuration;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
    machine = await auth.client('rookery-machine');
  });
  afterAll(() => auth.stop());

  const newToken = async () => (await oidc.clientCredentialsGrant(machine, { scope: 'orders:read' })).access_token;
  const kidOf = (token: string) => jose.decodeProtectedHeader(token).kid;
  const published = async () => {
    const answer = await fetch(`${auth.issuer}/jwks`);
    return Jwks.parse(await answer.json()).keys.map((key) => key.kid);
  };

  it('lets a client verify old and new tokens without a restart', async () => {
    const keys = auth.app.get(SigningKeys);
    const keySet = jose.createRemoteJWKSet(new URL(`${auth.issuer}/jwks`), { cooldownDuration: 0 });
    const verify = (token: string) => jose.jwtVerify(token, keySet, { audience: 'rookery-api' });

    const before = await newToken();
    await verify(before);
    const next = await keys.publishNext();
    await eventually(async () => expect(await published()).toContain(next));
    expect(kidOf(await newToken())).toBe(kidOf(before));

    await keys.activateNext();
    const after = await eventually(async () => {
      const token = await newToken();
      await verify(token);
      expect(kidOf(token)).toBe(next);
      return token;
    });
    await verify(after);
    await verify(before);
    expect(await published()).toEqual(expect.arrayContaining([kidOf(before), next]));
    expect(await oidc.tokenIntrospection(machine, before)).toMatchObject({ active: true });
  });

  it('keeps a retired key until its tokens have expired, then removes it', async () => {
    const keys = auth.app.get(SigningKeys);
    expect(await keys.dropExpired()).toBe(0);
    await auth.database.query(
      `UPDATE signing_keys SET retired_at = now() - interval '3 hours' WHERE state = 'retired'`,
    );
    expect(await keys.dropExpired()).toBe(1);
    await eventually(async () => expect(await published()).toHaveLength(1));
  });

  it('never stores a private key unencrypted', async () => {
    const rows = await auth.database.query<{ sealed_jwk: string }>('SELECT sealed_jwk FROM signing_keys');
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(Buffer.from(row.sealed_jwk, 'base64url').toString('latin1')).not.toContain('"d"');
    }
  });

  it('creates one first key, however many instances start', async () => {
    await auth.database.query('DELETE FROM signing_keys');
    const keys = auth.app.get(SigningKeys);
    await Promise.all(Array.from({ length: 5 }, () => keys.ensureActive()));
    expect(await auth.database.query('SELECT kid FROM signing_keys')).toHaveLength(1);
  });
});
