import * as jose from 'jose';
import * as oidc from 'openid-client';
import { ALL_SCOPES, AuthUnderTest, CALLBACK, credentials, SWAGGER_CALLBACK } from './auth-under-test';

describe('the authorization code flow', () => {
  let auth: AuthUnderTest;
  let cli: oidc.Configuration;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
    cli = await auth.client('rookery-cli');
  });
  afterAll(() => auth.stop());

  it('issues a verifiable at+jwt access token for the API, an ID token and a refresh token', async () => {
    const tokens = await (await auth.logIn(cli, 'alice')).redeem();
    const keys = jose.createRemoteJWKSet(new URL(`${auth.issuer}/jwks`));
    const { payload, protectedHeader } = await jose.jwtVerify(tokens.access_token, keys, {
      issuer: auth.issuer,
      audience: 'rookery-api',
      typ: 'at+jwt',
      algorithms: ['ES256'],
      requiredClaims: ['sub', 'iat', 'exp', 'jti'],
    });
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload).toMatchObject({ client_id: 'rookery-cli', roles: ['customer'] });
    expect(tokens.expires_in).toBeLessThanOrEqual(600);
    expect(tokens.refresh_token).toEqual(expect.any(String));
    expect(tokens.claims()).toMatchObject({
      sub: payload.sub,
      aud: 'rookery-cli',
      name: 'Alice Adler',
      email: 'alice@example.com',
    });
  });

  it('silently leaves out the scopes that the role does not allow', async () => {
    const customer = jose.decodeJwt((await (await auth.logIn(cli, 'bob')).redeem()).access_token);
    const operator = jose.decodeJwt((await (await auth.logIn(cli, 'olga')).redeem()).access_token);
    expect(String(customer['scope']).split(' ').sort()).toEqual(['orders:read', 'orders:write']);
    expect(String(operator['scope']).split(' ').sort()).toEqual([
      'catalog:write',
      'ops:read',
      'ops:write',
      'orders:read',
      'orders:write',
    ]);
    expect(operator['roles']).toEqual(['operator']);
  });

  it('signs in by e-mail address too, regardless of case', async () => {
    const attempt = await auth.authorize(cli);
    const page = await attempt.browser.submit(attempt.page, credentials('Alice@Example.com', 'alice-demo-password'));
    expect(page.url).toMatch(/^http:\/\/127\.0\.0\.1:8976\/callback\?code=/u);
  });

  it('does not ask a signed-in user again', async () => {
    const { browser } = await auth.logIn(cli, 'alice');
    const again = await auth.authorize(cli, { browser });
    expect(new URL(again.page.url).searchParams.get('code')).toEqual(expect.any(String));
  });

  it('sends a disabled user to the sign-in page, where another user can sign in', async () => {
    const { browser } = await auth.logIn(cli, 'bob');
    await auth.database.query(`UPDATE users SET disabled = true WHERE username = 'bob'`);
    try {
      const again = await auth.authorize(cli, { browser });
      expect(again.page.status).toBe(200);
      expect(again.page.text).toContain('Password');
      const refused = await browser.submit(again.page, credentials('bob'));
      expect(refused.status).toBe(401);
      const other = await browser.submit(refused, credentials('alice'));
      const end = other.url.startsWith(CALLBACK) ? other : await browser.submit(other, {});
      expect(new URL(end.url).searchParams.get('code')).toEqual(expect.any(String));
    } finally {
      await auth.database.query(`UPDATE users SET disabled = false WHERE username = 'bob'`);
    }
  });

  it('asks for consent to a third-party client, naming only the scopes that can be granted', async () => {
    const swagger = await auth.client('rookery-swagger');
    const options = { redirectUri: SWAGGER_CALLBACK, scope: 'openid orders:read catalog:write' };
    const attempt = await auth.authorize(swagger, options);
    const consent = await attempt.browser.submit(attempt.page, credentials('alice'));
    expect(consent.text).toContain('Rookery API explorer');
    expect(consent.text).toContain('orders:read');
    expect(consent.text).not.toContain('catalog:write');

    const allowed = await attempt.browser.submit(consent, { action: 'continue' });
    const tokens = await oidc.authorizationCodeGrant(swagger, new URL(allowed.url), {
      pkceCodeVerifier: attempt.verifier,
    });
    expect(jose.decodeJwt(tokens.access_token)['scope']).toBe('orders:read');

    const again = await auth.authorize(swagger, { ...options, browser: attempt.browser });
    expect(again.page.url).toContain('code=');
  });

  it('tells the client when the user denies access', async () => {
    const swagger = await auth.client('rookery-swagger');
    const attempt = await auth.authorize(swagger, { redirectUri: SWAGGER_CALLBACK });
    const consent = await attempt.browser.submit(attempt.page, credentials('bob'));
    const refused = await attempt.browser.submit(consent, { action: 'cancel' });
    expect(new URL(refused.url).searchParams.get('error')).toBe('access_denied');
  });

  it('accepts any port of the loopback address for the native client', async () => {
    const redirectUri = 'http://127.0.0.1:41234/callback';
    const attempt = await auth.logIn(cli, 'alice', { redirectUri });
    expect(attempt.page.url.startsWith(redirectUri)).toBe(true);
  });

  it('rejects a request without PKCE, and one with the plain method', async () => {
    const browser = auth.browser();
    const base = { client_id: 'rookery-cli', response_type: 'code', redirect_uri: CALLBACK, scope: 'openid' };
    const without = await browser.open(`/auth?${new URLSearchParams(base).toString()}`);
    expect(new URL(without.url).searchParams.get('error')).toBe('invalid_request');
    const parameters = { ...base, code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' };
    const plain = await browser.open(`/auth?${new URLSearchParams(parameters).toString()}`);
    expect(new URL(plain.url).searchParams.get('error')).toBe('invalid_request');
  });

  it('rejects a wrong code verifier', async () => {
    const { page } = await auth.logIn(cli, 'alice');
    const wrong = oidc.authorizationCodeGrant(cli, new URL(page.url), {
      pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
    });
    await expect(wrong).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('never redirects to an address that is not registered', async () => {
    const { page } = await auth.authorize(cli, { redirectUri: 'https://evil.example/callback' });
    expect(page.url.startsWith(auth.issuer)).toBe(true);
    expect(page.status).toBe(400);
    expect(page.text).not.toContain('evil.example');
  });

  it('issues tokens to one of many parallel uses of a code, and revokes them with the grant', async () => {
    const { redeem } = await auth.logIn(cli, 'alice');
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => redeem()));
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won).toHaveLength(1);
    const refreshToken = won[0]?.value.refresh_token ?? '';
    await expect(oidc.refreshTokenGrant(cli, refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('expires a code after one minute', async () => {
    await auth.logIn(cli, 'alice');
    const rows = await auth.database.query<{ seconds: number }>(
      `SELECT extract(epoch FROM max(expires_at) - now())::float AS seconds FROM oidc_payload WHERE model = 'AuthorizationCode'`,
    );
    expect(rows[0]?.seconds).toBeGreaterThan(0);
    expect(rows[0]?.seconds).toBeLessThanOrEqual(60);

    const late = await auth.logIn(cli, 'alice');
    await auth.database.query(`UPDATE oidc_payload SET expires_at = now() WHERE model = 'AuthorizationCode'`);
    await expect(late.redeem()).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it.each(['token', 'id_token', 'id_token token', 'code token', 'none'])(
    'rejects the response type %s: only the code flow exists',
    async (type) => {
      const parameters = { response_type: type, nonce: 'a-nonce' };
      const { page } = await auth.authorize(cli, { parameters });
      expect(page.url).toContain('error=unsupported_response_type');
      expect(page.url).not.toContain('access_token');
    },
  );

  it('accepts no password at the token endpoint, and registers no client', async () => {
    const body = new URLSearchParams({
      grant_type: 'password',
      client_id: 'rookery-cli',
      username: 'alice',
      password: 'alice-demo-password',
    });
    const answer = await fetch(`${auth.issuer}/token`, { method: 'POST', body });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'unsupported_grant_type' }),
    ]);
    expect(cli.serverMetadata().registration_endpoint).toBeUndefined();
    const client = { redirect_uris: ['https://evil.example/'] };
    for (const path of ['/reg', '/register']) {
      const headers = { 'content-type': 'application/json' };
      const refused = await fetch(`${auth.issuer}${path}`, { method: 'POST', headers, body: JSON.stringify(client) });
      expect(refused.status).toBe(404);
    }
  });

  it('publishes its capabilities, and no private key', async () => {
    const metadata = cli.serverMetadata();
    expect(metadata.code_challenge_methods_supported).toEqual(['S256']);
    expect(metadata.scopes_supported).toEqual(expect.arrayContaining(ALL_SCOPES.split(' ')));
    const jwks = await (await fetch(metadata.jwks_uri ?? '')).text();
    expect(JSON.parse(jwks)).toEqual({
      keys: [expect.objectContaining({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })],
    });
    expect(jwks).not.toContain('"d"');
  });
});
