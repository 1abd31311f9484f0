import * as oidc from 'openid-client';
import { AuthRpc } from '@rookery/contracts';
import { configureLogger, createService, logger } from '@rookery/platform';
import { eventually, TestCaller } from '@rookery/testing';
import { auth as authService } from '../src/auth';
import { Maintenance } from '../src/maintenance/maintenance';
import { AuthUnderTest, credentials, MACHINE_SECRET } from './auth-under-test';

describe('the auth service', () => {
  let auth: AuthUnderTest;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
  });
  afterAll(() => auth.stop());

  it('is alive and ready, and answers 404 for an unknown path as a problem document', async () => {
    const [live, ready, nothing] = await Promise.all(
      ['/livez', '/readyz', '/nothing'].map((path) => fetch(`${auth.issuer}${path}`)),
    );
    expect([live?.status, ready?.status, nothing?.status]).toEqual([200, 200, 404]);
    expect(await ready?.json()).toMatchObject({ checks: { database: 'up', nats: 'up' } });
    expect(nothing?.headers.get('content-type')).toContain('application/problem+json');
  });

  it('explains itself at its root, on a page like the others', async () => {
    const page = await fetch(`${auth.issuer}/`, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'none'");
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    const text = await page.text();
    expect(text).toContain('sign in');
    expect(text).toContain('href="/device"');
    expect((await fetch(`${auth.issuer}/`, { method: 'HEAD' })).status).toBe(200);
  });

  it('counts responses of the provider by route', async () => {
    await fetch(`${auth.issuer}/token`, { method: 'POST' });
    await fetch(`${auth.issuer}/.well-known/openid-configuration?x=1`);
    const metrics = await (await fetch(`${auth.issuer}/metrics`)).text();
    for (const route of ['/token', '/.well-known/openid-configuration']) {
      expect(metrics).toContain(`route="${route}"`);
    }
  });

  it('can restart on the same database: demo users, clients and keys stay unchanged', async () => {
    const state = () =>
      auth.database.query(
        'SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM oauth_clients) AS clients, (SELECT count(*) FROM signing_keys) AS keys, (SELECT min(id::text) FROM users) AS first',
      );
    const before = await state();
    const second = await createService(authService.options(auth.config));
    await second.init();
    await second.close();
    expect(await state()).toEqual(before);
  });

  it('removes expired rows, and only those', async () => {
    const cli = await auth.client('rookery-cli');
    await (await auth.logIn(cli, 'alice')).redeem();
    await auth.database.query(
      `UPDATE oidc_payload SET expires_at = now() - interval '1 minute' WHERE model = 'AuthorizationCode'`,
    );
    await auth.app.get(Maintenance).run();
    const models = await auth.database.query<{ model: string }>('SELECT DISTINCT model FROM oidc_payload');
    expect(models.map(({ model }) => model)).not.toContain('AuthorizationCode');
    expect(models.map(({ model }) => model)).toEqual(expect.arrayContaining(['Grant', 'RefreshToken', 'Session']));
  });

  it('answers 503 with Retry-After while its database is unreachable, and recovers on its own', async () => {
    const cli = await auth.client('rookery-cli');
    const { browser, page } = await auth.authorize(cli);
    const name = new URL(auth.config.DATABASE_URL).pathname.slice(1);
    await auth.database.query(`ALTER DATABASE ${name} CONNECTION LIMIT 0`);
    await auth.database.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [name]);

    const token = await fetch(`${auth.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'rookery-cli', refresh_token: 'x' }),
    });
    const signIn = await browser.submit(page, credentials('alice'));
    const ready = await fetch(`${auth.issuer}/readyz`);
    expect([token.status, signIn.status, ready.status]).toEqual([503, 503, 503]);
    expect([token.headers.has('retry-after'), signIn.headers.has('retry-after')]).toEqual([true, true]);

    await auth.database.query(`ALTER DATABASE ${name} CONNECTION LIMIT -1`);
    const later = await eventually(() => auth.logIn(cli, 'alice'));
    expect((await later.redeem()).access_token).toEqual(expect.any(String));
  });

  it('writes no password, token, code, cookie or client secret to its log', async () => {
    const lines: string[] = [];
    const secrets: (string | undefined)[] = [
      MACHINE_SECRET,
      'alice-demo-password',
      'my very own passphrase',
      'wrong-password-1',
    ];
    try {
      configureLogger('auth', 'trace', { write: (line) => void lines.push(line) });
      logger.info('the log is read');
      const cli = await auth.client('rookery-cli');
      const login = await auth.logIn(cli, 'alice');
      const tokens = await login.redeem();
      const renewed = await oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '');
      await oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '').catch(() => undefined);
      const machine = await oidc.clientCredentialsGrant(await auth.client('rookery-machine'), { scope: 'orders:read' });
      const attempt = await auth.authorize(cli);
      await attempt.browser.submit(attempt.page, credentials('alice', 'wrong-password-1'));
      const gateway = await TestCaller.connect(auth.broker);
      await gateway.call(AuthRpc.register, {
        email: 'hugo@example.com',
        name: 'Hugo',
        password: 'my very own passphrase',
      });
      const code = new URL(login.page.url).searchParams.get('code') ?? undefined;
      secrets.push(
        code,
        tokens.access_token,
        tokens.refresh_token,
        tokens.id_token,
        renewed.refresh_token,
        machine.access_token,
      );
      secrets.push(login.browser.cookie('session'), attempt.browser.cookie('interaction'), 'hugo@example.com');
    } finally {
      configureLogger('auth', 'silent');
    }
    const log = lines.join('');
    expect(log).toContain('the log is read');
    expect(log).toContain('"msg":"request"');
    expect(secrets).not.toContain(undefined);
    for (const secret of secrets) {
      expect(log).not.toContain(secret);
    }
  });
});
