import * as jose from 'jose';
import * as oidc from 'openid-client';
import { AuthUnderTest } from './auth-under-test';
import { aheadBy } from './clock-ahead';

const INVALID_GRANT = { error: 'invalid_grant' };

describe('tokens', () => {
  let auth: AuthUnderTest;
  let cli: oidc.Configuration;
  let machine: oidc.Configuration;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
    cli = await auth.client('rookery-cli');
    machine = await auth.client('rookery-machine');
  });
  afterAll(() => auth.stop());

  const newTokens = async (user = 'alice') => (await auth.logIn(cli, user)).redeem();
  const refreshTokenOf = async () => (await newTokens()).refresh_token ?? '';

  it('rotates the refresh token with each use', async () => {
    const first = await refreshTokenOf();
    const second = await oidc.refreshTokenGrant(cli, first);
    expect(second.refresh_token).not.toBe(first);
    expect(jose.decodeJwt(second.access_token)).toMatchObject({ aud: 'rookery-api', roles: ['customer'] });
    const third = await oidc.refreshTokenGrant(cli, second.refresh_token ?? '');
    expect(third.refresh_token).toEqual(expect.any(String));
  });

  it('lets no refresh token outlive the first one of its grant', async () => {
    const day = 24 * 3_600_000;
    const daysLeft = async () => {
      const [row] = await auth.database.query<{ at: Date }>(
        `SELECT max(expires_at) AS at FROM oidc_payload WHERE model = 'RefreshToken' AND consumed_at IS NULL`,
      );
      return ((row?.at.getTime() ?? 0) - new Date().getTime()) / day;
    };
    await auth.database.query(`DELETE FROM oidc_payload WHERE model = 'RefreshToken'`);
    const first = await refreshTokenOf();
    expect(await daysLeft()).toBeCloseTo(14, 1);
    // Five days pass by the database's clock.
    await auth.database.query(`UPDATE oidc_payload SET expires_at = expires_at - interval '5 days'`);
    const second = await oidc.refreshTokenGrant(cli, first);
    expect(await daysLeft()).toBeCloseTo(9, 1);
    await oidc.refreshTokenGrant(cli, second.refresh_token ?? '');
    expect(await daysLeft()).toBeCloseTo(9, 1);
  });

  it('revokes the whole grant when a refresh token is used twice', async () => {
    const first = await refreshTokenOf();
    const second = await oidc.refreshTokenGrant(cli, first);
    await expect(oidc.refreshTokenGrant(cli, first)).rejects.toMatchObject(INVALID_GRANT);
    await expect(oidc.refreshTokenGrant(cli, second.refresh_token ?? '')).rejects.toMatchObject(INVALID_GRANT);
    expect(await oidc.tokenIntrospection(machine, second.access_token)).toEqual({ active: false });
  });

  it('accepts one of many parallel uses of a refresh token, and revokes the grant', async () => {
    const refreshToken = await refreshTokenOf();
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => oidc.refreshTokenGrant(cli, refreshToken)),
    );
    const won = results.filter((result) => result.status === 'fulfilled');
    expect(won).toHaveLength(1);
    await expect(oidc.refreshTokenGrant(cli, won[0]?.value.refresh_token ?? '')).rejects.toMatchObject(INVALID_GRANT);
  });

  it('stores nothing that a reader of the database could present', async () => {
    const tokens = await newTokens();
    const rows = await auth.database.query<{ id: string; text: string }>(
      `SELECT id, row_to_json(p)::text AS text FROM oidc_payload p WHERE model <> 'Grant'`,
    );
    const text = rows.map((row) => row.text).join('\n');
    for (const token of [tokens.refresh_token, tokens.access_token, tokens.id_token]) {
      expect(text).not.toContain(token);
    }
    expect(rows.length).toBeGreaterThan(3);
    for (const { id } of rows) {
      await expect(oidc.refreshTokenGrant(cli, id)).rejects.toMatchObject(INVALID_GRANT);
    }
    expect((await oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '')).access_token).toBeDefined();
  });

  it('treats a refresh token that was encrypted with another key as unknown', async () => {
    const refreshToken = await refreshTokenOf();
    await auth.database.query(
      `UPDATE oidc_payload SET payload = jsonb_build_object('sealed', reverse(payload->>'sealed')) WHERE model = 'RefreshToken'`,
    );
    await expect(oidc.refreshTokenGrant(cli, refreshToken)).rejects.toMatchObject(INVALID_GRANT);
  });

  it('rejects a refresh token of another client', async () => {
    const swagger = await auth.client('rookery-swagger');
    await expect(oidc.refreshTokenGrant(swagger, await refreshTokenOf())).rejects.toMatchObject(INVALID_GRANT);
  });

  it('refuses a refresh once the user is disabled, and follows a change of role', async () => {
    const tokens = await newTokens('olga');
    await auth.database.query(`UPDATE users SET roles = '{customer}' WHERE username = 'olga'`);
    const demoted = await oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '');
    expect(jose.decodeJwt(demoted.access_token)).toMatchObject({
      roles: ['customer'],
      scope: 'orders:read orders:write',
    });
    await auth.database.query(`UPDATE users SET disabled = true WHERE username = 'olga'`);
    await expect(oidc.refreshTokenGrant(cli, demoted.refresh_token ?? '')).rejects.toMatchObject(INVALID_GRANT);
  });

  it('issues a machine its own token, with the requested scopes that it may hold, and without roles', async () => {
    const tokens = await oidc.clientCredentialsGrant(machine, { scope: 'orders:read catalog:write ops:write' });
    const claims = jose.decodeJwt(tokens.access_token);
    expect(claims).toMatchObject({
      sub: 'rookery-machine',
      client_id: 'rookery-machine',
      aud: 'rookery-api',
      scope: 'orders:read catalog:write',
    });
    expect(claims).not.toHaveProperty('roles');
    expect(tokens.refresh_token).toBeUndefined();
  });

  it('rejects a wrong client secret', async () => {
    const impostor = await auth.client('rookery-machine', 'not-the-secret-of-the-machine');
    await expect(oidc.clientCredentialsGrant(impostor, { scope: 'orders:read' })).rejects.toMatchObject({
      status: 401,
    });
  });

  it('rejects client credentials of a public client, and unknown clients', async () => {
    await expect(oidc.clientCredentialsGrant(cli, { scope: 'orders:read' })).rejects.toMatchObject({
      error: 'invalid_request',
    });
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'nobody' });
    const answer = await fetch(`${auth.issuer}/token`, { method: 'POST', body });
    expect([answer.status, await answer.json()]).toEqual([401, expect.objectContaining({ error: 'invalid_client' })]);
  });

  it('rejects an unknown resource', async () => {
    const asked = oidc.clientCredentialsGrant(machine, { scope: 'orders:read', resource: 'https://other.example' });
    await expect(asked).rejects.toMatchObject({ error: 'invalid_target' });
  });

  it.each(['urn:unknown', 'https://other.example', 'not a uri'])(
    'rejects the resource %s without consuming the refresh token',
    async (resource) => {
      const refreshToken = await refreshTokenOf();
      const asked = oidc.refreshTokenGrant(cli, refreshToken, { resource });
      await expect(asked).rejects.toMatchObject({ error: 'invalid_target' });
      expect((await oidc.refreshTokenGrant(cli, refreshToken)).access_token).toEqual(expect.any(String));
    },
  );

  it('rejects a scope that was not granted, a foreign client and several resources without consuming a refresh token', async () => {
    const refreshToken = await refreshTokenOf();
    const several = new URLSearchParams([
      ['resource', 'urn:rookery:api'],
      ['resource', 'urn:unknown'],
    ]);
    const refused = [
      oidc.refreshTokenGrant(cli, refreshToken, { scope: 'orders:read made:up' }),
      oidc.refreshTokenGrant(await auth.client('rookery-swagger'), refreshToken),
      oidc.refreshTokenGrant(cli, refreshToken, several),
    ];
    const results = await Promise.allSettled(refused);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect((await oidc.refreshTokenGrant(cli, refreshToken)).access_token).toEqual(expect.any(String));
  });

  it('rejects an unknown resource without consuming the code', async () => {
    const { page, verifier } = await auth.logIn(cli, 'alice');
    const redeem = (parameters: Readonly<Record<string, string>>) =>
      oidc.authorizationCodeGrant(cli, new URL(page.url), { pkceCodeVerifier: verifier }, { ...parameters });
    await expect(redeem({ resource: 'urn:unknown' })).rejects.toMatchObject({ error: 'invalid_target' });
    expect((await redeem({})).access_token).toEqual(expect.any(String));
  });

  it('reports tokens of a disabled or deleted user as inactive, and only the remaining scopes after a loss of roles', async () => {
    await auth.database.query(`UPDATE users SET roles = '{operator}', disabled = false WHERE username = 'olga'`);
    const [alice, olga] = [await newTokens('alice'), await newTokens('olga')];
    const active = (token: string | undefined) => oidc.tokenIntrospection(machine, token ?? '');
    expect(await active(olga.access_token)).toMatchObject({ active: true, roles: ['operator'] });

    await auth.database.query(`UPDATE users SET disabled = true WHERE username = 'alice'`);
    try {
      for (const token of [alice.access_token, alice.refresh_token]) {
        expect(await active(token)).toEqual({ active: false });
      }
    } finally {
      await auth.database.query(`UPDATE users SET disabled = false WHERE username = 'alice'`);
    }
    expect(await active(alice.access_token)).toMatchObject({ active: true });

    await auth.database.query(`UPDATE users SET roles = '{customer}' WHERE username = 'olga'`);
    try {
      expect(await active(olga.access_token)).toMatchObject({
        active: true,
        roles: [],
        scope: 'orders:read orders:write',
      });
      expect(await active(olga.refresh_token)).toMatchObject({ active: true });
      expect((await active(olga.refresh_token)).scope?.split(' ')).not.toContain('ops:write');
      await auth.database.query(`UPDATE users SET roles = '{}' WHERE username = 'olga'`);
      expect(await active(olga.access_token)).toEqual({ active: false });
    } finally {
      await auth.database.query(`UPDATE users SET roles = '{operator}' WHERE username = 'olga'`);
    }
  });

  it('reports tokens of a deleted user or client as inactive, and follows a client’s loss of scopes', async () => {
    await auth.database.query(
      `INSERT INTO users SELECT gen_random_uuid(), 'carl@example.com', 'carl', 'Carl', password_hash, roles, false, now()
       FROM users WHERE username = 'alice'`,
    );
    const attempt = await auth.authorize(cli);
    const page = await attempt.browser.submit(attempt.page, {
      login: 'carl',
      password: 'alice-demo-password',
      action: 'continue',
    });
    const tokens = await oidc.authorizationCodeGrant(cli, new URL(page.url), { pkceCodeVerifier: attempt.verifier });
    expect(await oidc.tokenIntrospection(machine, tokens.access_token)).toMatchObject({ active: true });
    await auth.database.query(`DELETE FROM users WHERE username = 'carl'`);
    for (const token of [tokens.access_token, tokens.refresh_token ?? '']) {
      expect(await oidc.tokenIntrospection(machine, token)).toEqual({ active: false });
    }
    await expect(oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '')).rejects.toMatchObject(INVALID_GRANT);

    await auth.database.query(
      `INSERT INTO oauth_clients SELECT 'short-lived', metadata, sealed_secret FROM oauth_clients WHERE client_id = 'rookery-cli'`,
    );
    const shortLived = await auth.client('short-lived');
    const theirs = await (await auth.logIn(shortLived, 'alice')).redeem();
    await auth.database.query(
      `UPDATE oauth_clients SET metadata = metadata || '{"api_scope":"orders:read"}' WHERE client_id = 'short-lived'`,
    );
    expect(await oidc.tokenIntrospection(machine, theirs.access_token)).toMatchObject({ scope: 'orders:read' });
    await auth.database.query(`DELETE FROM oauth_clients WHERE client_id = 'short-lived'`);
    for (const token of [theirs.access_token, theirs.refresh_token ?? '']) {
      expect(await oidc.tokenIntrospection(machine, token)).toEqual({ active: false });
    }
  });

  it('expires codes and tokens by the database’s clock, on a replica whose clock is wrong', async () => {
    const { redeem } = await auth.logIn(cli, 'alice');
    const clock = aheadBy(70_000, auth);
    try {
      const tokens = await redeem();
      expect(await oidc.tokenIntrospection(machine, tokens.access_token)).toMatchObject({ active: true });
      const again = await oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '');
      await auth.database.query(`UPDATE oidc_payload SET expires_at = now()`);
      expect(await oidc.tokenIntrospection(machine, again.access_token)).toEqual({ active: false });
      await expect(oidc.refreshTokenGrant(cli, again.refresh_token ?? '')).rejects.toMatchObject(INVALID_GRANT);
    } finally {
      clock.restore();
    }
  });

  it('reports an access token as active until its expiry on a replica whose clock is ahead', async () => {
    const { access_token: token } = await newTokens();
    const clock = aheadBy(11 * 60_000, auth);
    try {
      expect(await oidc.tokenIntrospection(machine, token)).toMatchObject({ active: true });
    } finally {
      clock.restore();
    }
  });

  it('introspects access and refresh tokens', async () => {
    const tokens = await newTokens();
    const access = await oidc.tokenIntrospection(machine, tokens.access_token);
    expect(access).toMatchObject({
      active: true,
      client_id: 'rookery-cli',
      sub: tokens.claims()?.sub,
      token_type: 'Bearer',
    });
    expect(await oidc.tokenIntrospection(machine, tokens.refresh_token ?? '')).toMatchObject({ active: true });
    expect(await oidc.tokenIntrospection(machine, 'made-up')).toEqual({ active: false });
  });

  it('reports a token with a changed signature as inactive', async () => {
    const [header = '', payload = '', signature = ''] = (await newTokens()).access_token.split('.');
    const forged = [header, payload, signature.split('').reverse().join('')].join('.');
    expect(await oidc.tokenIntrospection(machine, forged)).toEqual({ active: false });
  });

  it('tells a public client about its own tokens only', async () => {
    const tokens = await newTokens();
    const swagger = await auth.client('rookery-swagger');
    expect(await oidc.tokenIntrospection(cli, tokens.access_token)).toMatchObject({ active: true });
    expect(await oidc.tokenIntrospection(swagger, tokens.access_token)).toEqual({ active: false });
  });

  it('revokes the grant with the refresh token', async () => {
    const tokens = await newTokens();
    await oidc.tokenRevocation(cli, tokens.refresh_token ?? '');
    await expect(oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '')).rejects.toMatchObject(INVALID_GRANT);
    expect(await oidc.tokenIntrospection(machine, tokens.access_token)).toEqual({ active: false });
  });

  it('revokes an access token for its own client only', async () => {
    const { access_token: token } = await newTokens();
    await oidc.tokenRevocation(machine, token);
    expect(await oidc.tokenIntrospection(machine, token)).toMatchObject({ active: true });
    await oidc.tokenRevocation(cli, token);
    expect(await oidc.tokenIntrospection(machine, token)).toEqual({ active: false });
  });

  it('lets the browser call the token endpoint from the gateway only', async () => {
    const post = (origin: string) =>
      fetch(`${auth.issuer}/token`, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          client_id: 'rookery-swagger',
          code: 'x',
          redirect_uri: 'x',
        }),
      });
    const [own, foreign] = [await post('http://localhost:3000'), await post('https://evil.example')];
    expect(own.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
  });
});
