import { rawRequest } from '@rookery/testing';
import { AuthUnderTest } from './auth-under-test';

const FOREIGN = 'evil.example';
const ADDRESSES = [
  ['GET', '/'],
  ['GET', '/.well-known/openid-configuration'],
  ['GET', '/.well-known/oauth-authorization-server'],
  ['GET', '/jwks'],
  ['GET', '/device'],
  ['GET', '/session/end'],
  ['GET', '/auth?client_id=rookery-cli'],
  ['GET', '/interaction/x'],
  ['POST', '/device/auth'],
  ['POST', '/token'],
] as const;

const PROBES = ['/livez', '/readyz', '/metrics'] as const;

describe('the host of a request', () => {
  let auth: AuthUnderTest;
  let url: string;

  beforeAll(async () => {
    auth = await AuthUnderTest.start({ OIDC_INTERNAL_URLS: 'http://auth, http://identity.internal:8080' });
    url = `http://127.0.0.1:${auth.config.PORT}`;
  });
  afterAll(() => auth.stop());

  const ask = (method: string, target: string, host: string, more: readonly string[] = [], body = '') =>
    rawRequest(
      url,
      [
        `${method} ${target} HTTP/1.1`,
        `host: ${host}`,
        'connection: close',
        'accept: text/html, application/json',
        ...(method === 'POST'
          ? ['content-type: application/x-www-form-urlencoded', `content-length: ${body.length}`]
          : []),
        ...more,
        '',
        body,
      ].join('\r\n'),
    );
  const own = () => new URL(auth.issuer).host;

  it.each(ADDRESSES)('is rejected with 421 at %s %s if it is not the issuer’s', async (method, path) => {
    for (const host of [FOREIGN, `${FOREIGN}:${auth.config.PORT}`, `x@${own()}`, `${own()}.${FOREIGN}`, 'auth:3001']) {
      const { status, headers, body } = await ask(method, path, host);
      expect([host, status]).toEqual([host, 421]);
      expect(headers).toMatch(/x-content-type-options: nosniff/i);
      expect(headers + body).not.toContain(FOREIGN);
    }
    expect((await ask(method, path, own())).status).not.toBe(421);
    expect((await ask(method, path, own().toUpperCase())).status).not.toBe(421);
  });

  it('is not taken from X-Forwarded-Host of an untrusted peer, nor from an absolute URL', async () => {
    const forwarded = [`x-forwarded-host: ${FOREIGN}`, `forwarded: host=${FOREIGN}`];
    for (const path of ['/.well-known/openid-configuration', '/device', '/session/end']) {
      const { headers, body } = await ask('GET', path, own(), forwarded);
      expect(headers + body).not.toContain(FOREIGN);
    }
    const absolute = await ask('GET', `http://${FOREIGN}/device`, own());
    expect(absolute.status).toBeGreaterThanOrEqual(400);
    expect(absolute.headers + absolute.body).not.toContain(FOREIGN);
  });

  it('never determines where a device or a form is sent', async () => {
    const device = await ask('POST', '/device/auth', own(), [], 'client_id=rookery-cli&scope=openid');
    expect(device.body).toContain(`"verification_uri":"${auth.issuer}/device"`);
    const page = await ask('GET', '/device', own());
    expect(page.body).toContain(`action="${auth.issuer}/device"`);
  });

  it('may be internal: programs then receive internal URLs, and pages are not served', async () => {
    const document: unknown = JSON.parse((await ask('GET', '/.well-known/openid-configuration', 'auth')).body);
    expect(document).toMatchObject({
      issuer: auth.issuer,
      jwks_uri: 'http://auth/jwks',
      token_endpoint: 'http://auth/token',
      introspection_endpoint: 'http://auth/token/introspection',
      authorization_endpoint: `${auth.issuer}/auth`,
      end_session_endpoint: `${auth.issuer}/session/end`,
    });
    expect((await ask('GET', '/jwks', 'identity.internal:8080')).status).toBe(200);
    const device = await ask('POST', '/device/auth', 'auth', [], 'client_id=rookery-cli&scope=openid');
    expect(device.body).toContain(`"verification_uri":"${auth.issuer}/device"`);
    for (const path of ['/device', '/session/end', '/auth', '/interaction/x']) {
      expect((await ask('GET', path, 'auth')).status).toBe(421);
    }
  });

  it('is ignored for probes, spelled as they are', async () => {
    for (const path of PROBES) {
      expect((await ask('GET', path, '10.0.0.7:3001')).status).toBe(200);
      expect((await ask('GET', path.toUpperCase(), '10.0.0.7:3001')).status).toBe(421);
      expect((await ask('GET', `${path}/`, '10.0.0.7:3001')).status).toBe(421);
    }
  });
});

describe('the limit of an address', () => {
  let auth: AuthUnderTest;
  beforeAll(async () => {
    auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '1' });
  });
  afterAll(() => auth.stop());

  it('counts every other spelling of a probe’s path, and no probe', async () => {
    const status = async (path: string): Promise<number> => (await fetch(`${auth.issuer}${path}`)).status;
    expect(await status('/LIVEZ')).toBe(404);
    for (const path of PROBES) {
      expect([path, await status(`${path}/`)]).toEqual([path, 429]);
      expect([path, await status(path.toUpperCase())]).toEqual([path, 429]);
      expect([path, await status(path)]).toEqual([path, 200]);
    }
  });
});
