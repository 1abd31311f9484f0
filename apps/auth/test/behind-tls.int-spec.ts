import { AuthUnderTest, CALLBACK, credentials, freePort } from './auth-under-test';

const ISSUER = 'https://localhost:9443';
/** Headers of the proxy that terminates TLS. */
const FORWARDED = {
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'localhost:9443',
  'x-forwarded-for': '203.0.113.9',
};

describe('an issuer behind a proxy that terminates TLS', () => {
  let auth: AuthUnderTest;
  beforeAll(async () => {
    const port = await freePort();
    auth = await AuthUnderTest.start({
      PORT: String(port),
      OIDC_ISSUER: ISSUER,
      OIDC_INTERNAL_URLS: `http://127.0.0.1:${port}`,
      TRUST_PROXY: '127.0.0.1',
    });
  });
  afterAll(() => auth.stop());

  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${auth.config.PORT}${path.replace(ISSUER, '')}`, {
      redirect: 'manual',
      ...init,
      headers: { accept: 'text/html', ...FORWARDED, ...Object.fromEntries(new Headers(init.headers)) },
    });
  const authorize = `/auth?${new URLSearchParams({
    client_id: 'rookery-cli',
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid',
    state: 'a-state',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }).toString()}`;

  /** Completes a log-in; returns every Set-Cookie line and every page. */
  async function logIn() {
    const jar = new Map<string, string>();
    const lines: string[] = [];
    const pages: Response[] = [];
    let response = await ask(authorize);
    for (let step = 0; step < 10; step += 1) {
      for (const line of response.headers.getSetCookie()) {
        lines.push(line);
        const [pair = ''] = line.split(';');
        jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
      }
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const location = response.headers.get('location');
      if (location?.startsWith(CALLBACK) === true) {
        return { lines, pages, location };
      }
      if (location !== null) {
        response = await ask(location, { headers: { cookie } });
        continue;
      }
      pages.push(response);
      const page = await response.text();
      const action = /<form[^>]*action="([^"]*)"/.exec(page)?.[1];
      const token = /name="token"\s+value="([^"]*)"/.exec(page)?.[1];
      if (action === undefined || token === undefined) {
        throw new Error(`no form: ${response.status} ${page}`);
      }
      const body = new URLSearchParams({ token, ...credentials('alice') });
      response = await ask(action, { method: 'POST', body, headers: { cookie, origin: ISSUER } });
    }
    throw new Error('the log-in did not end');
  }

  it('binds the session to its host, the cookies of a log-in to their paths, and all of them to TLS', async () => {
    const { lines, location } = await logIn();
    expect(new URL(location).searchParams.get('code')).toMatch(/.{20,}/);
    const names = lines.map((line) => line.slice(0, line.indexOf('=')));
    expect(names).toEqual(expect.arrayContaining(['__Host-session', '__Secure-interaction', '__Secure-resume']));
    for (const line of lines) {
      expect(line).toMatch(/^__(Host|Secure)-/);
      expect(line).toMatch(/; secure\b/i);
      expect(line).toMatch(/; httponly\b/i);
      expect(line).toMatch(/; samesite=lax\b/i);
      expect(line).not.toMatch(/; domain=/i);
      // Browsers require this for a cookie with this prefix (RFC 6265bis, 4.1.3).
      if (line.startsWith('__Host-')) {
        expect(line).toMatch(/; path=\/(;|$)/i);
      }
    }
  });

  it('sends HSTS and a policy with every page, and uses https URLs', async () => {
    const { pages } = await logIn();
    expect(pages.length).toBeGreaterThan(0);
    for (const { headers } of [...pages, await ask('/device'), await ask('/auth'), await ask('/interaction/x')]) {
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
      expect(headers.get('content-security-policy')).toContain("script-src 'none'");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('cache-control')).toContain('no-store');
    }
    const discovery = await ask('/.well-known/openid-configuration');
    expect(discovery.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await discovery.text()).not.toContain('http://');
  });

  it('sends no page and no cookie over a connection that the proxy does not mark as secure, but keys to internal callers', async () => {
    const response = await fetch(`http://127.0.0.1:${auth.config.PORT}${authorize}`, {
      redirect: 'manual',
      headers: { accept: 'text/html' },
    });
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('over HTTPS');
    expect((await fetch(`http://127.0.0.1:${auth.config.PORT}/jwks`)).status).toBe(200);
  });
});
