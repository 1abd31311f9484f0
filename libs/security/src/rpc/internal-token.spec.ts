import { jest } from '@jest/globals';
import { decodeJwt, exportJWK, generateKeyPair, importJWK, type JSONWebKeySet, type JWK, SignJWT } from 'jose';
import { type Actor, configureLogger } from '@rookery/platform';
import { withWallClockAhead } from '@rookery/testing';
import { internalJwksSetting, readInternalJwks, readSigningKey, signingKeySetting } from './internal-keys';
import { InternalTokenIssuer, InternalTokenVerifier, InvalidInternalToken } from './internal-token';

const alice: Actor = {
  subject: 'alice',
  issuer: 'http://localhost:3001',
  clientId: 'demo-cli',
  scopes: ['orders:read'],
  roles: ['customer'],
};

async function keyOf(kid: string): Promise<{ readonly own: JWK; readonly known: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { own: { ...(await exportJWK(privateKey)), kid }, known: { ...(await exportJWK(publicKey)), kid } };
}

describe('internal tokens', () => {
  let gateway: JWK;
  let orders: JWK;
  let jwks: JSONWebKeySet;
  beforeAll(async () => {
    configureLogger('test', 'silent');
    const keys = [await keyOf('gateway'), await keyOf('orders')] as const;
    [gateway, orders] = [keys[0].own, keys[1].own];
    jwks = { keys: keys.map((key) => key.known) };
  });

  const forge = async (
    claims: Record<string, unknown>,
    header: Record<string, unknown> = {},
    key: JWK = gateway,
  ): Promise<string> => {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({ iss: 'gateway', aud: 'orders', iat: now, exp: now + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'rookery-internal+jwt', kid: 'gateway', ...header })
      .sign(await importJWK(key, 'ES256'));
  };
  const verifier = () => new InternalTokenVerifier({ jwks, audience: 'orders' });

  it('carry caller and actor to the service they are issued for', async () => {
    const token = await new InternalTokenIssuer({ key: gateway, issuer: 'gateway' }).sign('orders', alice);
    expect(await verifier().verify(token)).toEqual({ caller: 'gateway', actor: alice });
    const { iat = 0, exp = 0 } = decodeJwt(token);
    expect(exp - iat).toBe(60);
  });

  it('may have no actor', async () => {
    const token = await new InternalTokenIssuer({ key: gateway, issuer: 'gateway' }).sign('orders');
    expect(await verifier().verify(token)).toEqual({ caller: 'gateway', actor: undefined });
  });

  it('are signed once per actor and target, and never shared between actors or targets', async () => {
    const issuer = new InternalTokenIssuer({ key: gateway, issuer: 'gateway' });
    const token = await issuer.sign('orders', alice);
    expect(await issuer.sign('orders', { ...alice })).toBe(token);
    expect(await issuer.sign('payments', alice)).not.toBe(token);
    expect(await issuer.sign('orders', { ...alice, scopes: [] })).not.toBe(token);
    expect(await issuer.sign('orders')).not.toBe(token);
  });

  it('are rejected by every other service', async () => {
    const token = await new InternalTokenIssuer({ key: gateway, issuer: 'gateway' }).sign('products', alice);
    await expect(verifier().verify(token)).rejects.toBeInstanceOf(InvalidInternalToken);
  });

  it('are rejected from a caller that the context map does not allow', async () => {
    const token = await new InternalTokenIssuer({ key: orders, issuer: 'orders' }).sign('auth', alice);
    const auth = new InternalTokenVerifier({ jwks, audience: 'auth' });
    await expect(auth.verify(token)).rejects.toBeInstanceOf(InvalidInternalToken);
    const products = new InternalTokenVerifier({ jwks, audience: 'products' });
    const good = await new InternalTokenIssuer({ key: orders, issuer: 'orders' }).sign('products', alice);
    expect((await products.verify(good)).caller).toBe('orders');
  });

  it.each([
    ['an access token', () => forge({}, { typ: 'at+jwt' })],
    ['a passed one', () => forge({ iat: 1_700_000_000, exp: 1_700_000_060 })],
    ['one without end', () => forge({ exp: undefined })],
    [
      'one that lives for an hour and is older than a minute',
      () => forge({ iat: Math.floor(Date.now() / 1000) - 300, exp: Math.floor(Date.now() / 1000) + 3600 }),
    ],
    ['one without caller', () => forge({ iss: undefined })],
    ['an unknown caller', () => forge({ iss: 'mallory' })],
    ['one in another caller’s name', () => forge({ iss: 'gateway' }, { kid: 'orders' }, orders)],
    ['an actor of another shape', () => forge({ actor: { subject: 'alice', roles: 'operator' } })],
    ['one whose key only begins like the caller’s', () => forge({ iss: 'gateway' }, { kid: 'gatewayx' }, orders)],
    ['an unknown key', async () => forge({}, { kid: 'gateway' }, (await keyOf('gateway')).own)],
    ['text', async () => 'nonsense'],
  ])('are rejected when they are %s', async (_what, make) => {
    await expect(verifier().verify(await make())).rejects.toBeInstanceOf(InvalidInternalToken);
  });

  it.each([10, -10])('are accepted from a caller whose clock is %i s ahead', async (seconds) => {
    const token = await withWallClockAhead(seconds * 1_000, () =>
      new InternalTokenIssuer({ key: gateway, issuer: 'gateway' }).sign('orders', alice),
    );
    expect((await verifier().verify(token)).caller).toBe('gateway');
    // The oldest that is still sent.
    await withWallClockAhead(19_000, () => verifier().verify(token));
  });

  it.each([15, -75])('are rejected from a caller whose clock is %i s ahead', async (seconds) => {
    const token = await withWallClockAhead(seconds * 1_000, () =>
      new InternalTokenIssuer({ key: gateway, issuer: 'gateway' }).sign('orders', alice),
    );
    await expect(verifier().verify(token)).rejects.toBeInstanceOf(InvalidInternalToken);
  });

  it('are renewed after 20 s even if the wall clock was set back in the meantime', async () => {
    const issuer = new InternalTokenIssuer({ key: gateway, issuer: 'gateway' });
    const first = await issuer.sign('orders', alice);
    const elapsed = performance.now() + 20_001;
    jest.spyOn(performance, 'now').mockReturnValue(elapsed);
    try {
      expect(await withWallClockAhead(-3_600_000, () => issuer.sign('orders', alice))).not.toBe(first);
    } finally {
      jest.restoreAllMocks();
    }
  });

  it('are accepted in the form that the forgeries above change', async () => {
    await expect(verifier().verify(await forge({}))).resolves.toMatchObject({ caller: 'gateway' });
  });

  it('need a private P-256 key with the caller’s name', async () => {
    const { known } = await keyOf('gateway');
    expect(() => new InternalTokenIssuer({ key: known, issuer: 'gateway' })).toThrow('kid "gateway"');
    expect(() => new InternalTokenIssuer({ key: orders, issuer: 'gateway' })).toThrow('kid "gateway"');
  });

  it('have their keys checked as settings, without quoting them', () => {
    expect(signingKeySetting.safeParse(JSON.stringify(gateway)).success).toBe(true);
    expect(internalJwksSetting.safeParse(JSON.stringify(jwks)).success).toBe(true);
    const bad = signingKeySetting.safeParse('{"d":"hunter2"}');
    expect(bad.success).toBe(false);
    expect(JSON.stringify(bad.error?.issues)).not.toContain('hunter2');
    expect(readSigningKey(JSON.stringify(gateway)).kid).toBe('gateway');
    expect(JSON.stringify(readInternalJwks(JSON.stringify({ keys: [gateway] })))).not.toContain('"d"');
  });
});
