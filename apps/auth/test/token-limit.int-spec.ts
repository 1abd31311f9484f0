import { z } from 'zod';
import { createService } from '@rookery/platform';
import { eventually, redisServer, TestRedis } from '@rookery/testing';
import { auth as authService } from '../src/auth';
import { AuthUnderTest, freePort } from './auth-under-test';

const OAuthError = z.strictObject({ error: z.string(), error_description: z.string() });

const guess = (issuer: string, path = '/token', headers: Record<string, string> = {}) =>
  fetch(`${issuer}${path}`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'rookery-cli', refresh_token: 'a guess' }),
  });

describe('the token endpoints', () => {
  let auth: AuthUnderTest;
  afterEach(() => auth.stop());

  it('answer 429 beyond an address’s limit, as an OAuth error, with Retry-After', async () => {
    auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '2' });
    const answers = [];
    for (let index = 0; index < 3; index += 1) {
      answers.push(await guess(auth.issuer));
    }
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 429]);
    const [, , refused] = answers;
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused?.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    expect(refused?.headers.get('content-type')).toMatch(/^application\/json/);
    expect(refused?.headers.get('cache-control')).toBe('no-store');
    expect(OAuthError.parse(await refused?.json()).error).toBe('temporarily_unavailable');
  });

  it.each(['/token', '/token/', '/token?x=1', '/token/introspection', '/token/revocation', '/device/auth'])(
    'share one budget, %s too, which another X-Forwarded-For does not reset',
    async (path) => {
      auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '1' });
      expect((await guess(auth.issuer)).status).toBe(400);
      const refused = await guess(auth.issuer, path, { 'x-forwarded-for': '203.0.113.9' });
      expect(refused.status).toBe(429);
    },
  );

  it('tell a person who enters user codes on a page', async () => {
    auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '1' });
    await guess(auth.issuer, '/device');
    const refused = await guess(auth.issuer, '/device');
    expect(refused.status).toBe(429);
    expect(refused.headers.has('retry-after')).toBe(true);
    expect(refused.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await refused.text()).toContain('Too many attempts');
  });

  it('have a budget apart from that of starting log-ins, beyond which nothing is stored', async () => {
    auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '2' });
    const cli = await auth.client('rookery-cli');
    const pages = [];
    // Each is redirected to its log-in page, which has its own budget.
    for (let index = 0; index < 3; index += 1) {
      pages.push((await auth.authorize(cli)).page);
    }
    expect(pages.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(pages[2]?.text).toContain('Too many attempts');
    expect(pages[2]?.headers.has('retry-after')).toBe(true);
    expect(
      await auth.database.query(`SELECT count(*)::int AS kept FROM oidc_payload WHERE model = 'Interaction'`),
    ).toEqual([{ kept: 2 }]);
    expect((await guess(auth.issuer)).status).toBe(400);
  });

  it('count clients behind a trusted proxy by their own address', async () => {
    auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '1', TRUST_PROXY: '127.0.0.0/8,::1' });
    const statusOf = async (address: string) =>
      (await guess(auth.issuer, '/token', { 'x-forwarded-for': address })).status;
    expect([await statusOf('203.0.113.1'), await statusOf('203.0.113.1'), await statusOf('203.0.113.2')]).toEqual([
      400, 429, 400,
    ]);
  });

  it('exclude keys, discovery and health, which have a budget of their own, ten times as large', async () => {
    auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '1' });
    await guess(auth.issuer);
    expect((await guess(auth.issuer)).status).toBe(429);
    const paths = ['/jwks', '/.well-known/openid-configuration', '/livez'];
    const statuses = await Promise.all(paths.map(async (path) => (await fetch(`${auth.issuer}${path}`)).status));
    expect(statuses).toEqual([200, 200, 200]);
  });
});

(redisServer === undefined ? describe.skip : describe)('the token endpoints of two replicas with one Redis', () => {
  it('share one budget', async () => {
    const redis = await TestRedis.start();
    const ports = [await freePort(), await freePort()];
    const auth = await AuthUnderTest.start({
      PORT: String(ports[0]),
      OIDC_INTERNAL_URLS: ports.map((port) => `http://127.0.0.1:${port}`).join(','),
      TOKEN_LIMIT_PER_MINUTE: '4',
      REDIS_URL: redis.url,
    });
    const second = await createService(authService.options(auth.config));
    try {
      await second.listen({ port: ports[1] ?? 0, host: '127.0.0.1' });
      const other = await second.getUrl();
      const ready = async (url: string) =>
        expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^redis_up 1$/m);
      await eventually(() => ready(auth.issuer));
      await eventually(() => ready(other));
      const statuses = [];
      // The same address for both: "localhost" may be ::1.
      const first = await auth.app.getUrl();
      for (const url of [first, other, first, other, first, other]) {
        statuses.push((await guess(url)).status);
      }
      expect(statuses).toEqual([400, 400, 400, 400, 429, 429]);
    } finally {
      await second.close();
      await auth.stop();
      await redis.kill();
    }
  });
});
