import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT } from 'jose';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claims = () => ({
  iss: gateway.issuer.url,
  aud: 'rookery-api',
  sub: 'mallory',
  iat: Math.floor(Date.now() / 1000),
  exp: Math.floor(Date.now() / 1000) + 300,
});

async function expectRefused(token: string): Promise<void> {
  const response = await gateway.request('/v1/me', { token });
  expect(response.status).toBe(401);
  expect((await problemOf(response)).code).toBe('auth.invalid-token');
  expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
}

it('accepts a valid token and returns its content', async () => {
  const token = await gateway.issuer.token({ subject: 'olga', scopes: ['orders:read'], roles: ['operator'] });
  const response = await gateway.request('/v1/me', { token });
  expect(await response.json()).toEqual({
    subject: 'olga',
    clientId: 'spec',
    roles: ['operator'],
    scopes: ['orders:read'],
  });
});

it('trusts the token, not an identity header', async () => {
  const headers = {
    'x-user': 'mallory',
    'x-user-id': 'mallory',
    'x-roles': 'operator',
    'x-scopes': 'ops:write catalog:write',
    'x-forwarded-user': 'mallory',
    'x-auth-request-user': 'mallory',
    'x-remote-user': 'mallory',
  };
  expect((await gateway.request('/v1/me', { headers })).status).toBe(401);
  const token = await gateway.issuer.token({ subject: 'alice', scopes: ['orders:read'] });
  const me = await gateway.request('/v1/me', { token, headers });
  expect(await me.json()).toEqual({ subject: 'alice', clientId: 'spec', roles: ['customer'], scopes: ['orders:read'] });
  expect((await gateway.request('/v1/ops/dead-letters', { token, headers })).status).toBe(403);
});

it('rejects alg none', () =>
  expectRefused(`${segment({ alg: 'none', typ: 'at+jwt', kid: 'test-key' })}.${segment(claims())}.`));

it('rejects HS256 signed with the public key', async () => {
  const publicKey = await importJWK(gateway.issuer.publicKey, 'ES256', { extractable: true });
  if (publicKey instanceof Uint8Array) {
    throw new Error('an EC key was expected');
  }
  const secret = new TextEncoder().encode(await exportSPKI(publicKey));
  await expectRefused(
    await new SignJWT(claims()).setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'test-key' }).sign(secret),
  );
});

it('rejects a token that supplies its own key', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'test-key', jwk: await exportJWK(publicKey) };
  await expectRefused(await new SignJWT(claims()).setProtectedHeader(header).sign(privateKey));
});

it.each([
  ['an ID token', { type: 'JWT' }],
  ['a token without exp', { expiresIn: null }],
  ['an expired token', { expiresIn: -60 }],
  ['another audience', { audience: 'another-api' }],
  ['another issuer', { issuer: 'https://issuer.example' }],
  ['a kid that is a path', { header: { kid: '../../dev/null' } }],
])('rejects %s', async (_what, options) => expectRefused(await gateway.issuer.token(options)));

it('rejects an unknown crit', async () => {
  const header = segment({ alg: 'ES256', typ: 'at+jwt', kid: 'test-key', crit: ['exotic'], exotic: true });
  const [, payload, signature] = (await gateway.issuer.token()).split('.');
  await expectRefused(`${header}.${payload}.${signature}`);
});

it.each([
  ['text with two dots', 'not.a.jwt'],
  ['a letter', 'x'],
  ['8,000 letters', 'a'.repeat(8_000)],
])('rejects %s', (_what, token) => expectRefused(token));

it('fetches the keys at most twice for 1,000 unknown key ids', async () => {
  const before = gateway.issuer.keyFetches;
  for (let batch = 0; batch < 20; batch += 1) {
    const kids = Array.from({ length: 50 }, (_, index) => `unknown-${batch}-${index}`);
    await Promise.all(kids.map(async (kid) => expectRefused(await gateway.issuer.token({ header: { kid } }))));
  }
  expect(gateway.issuer.keyFetches - before).toBeLessThanOrEqual(2);
});

it('starts while its issuer is unreachable, and answers 503 to tokens and 200 to anonymous callers', async () => {
  const alone = await startGateway({ OIDC_ISSUER: 'http://127.0.0.1:9' });
  try {
    const response = await alone.request('/v1/me', { token: await alone.issuer.token() });
    expect(response.status).toBe(503);
    expect(response.headers.has('retry-after')).toBe(true);
    expect((await alone.request('/v1/products')).status).toBe(200);
    expect((await alone.request('/readyz')).status).toBe(200);
  } finally {
    await alone.close();
  }
});
