import { setTimeout as delay } from 'node:timers/promises';
import { shutDown } from '@rookery/platform';
import { eventually, rawRequest } from '@rookery/testing';
import { LegacySystem } from './legacy-system';
import { startGateway, type GatewayUnderTest } from './gateway-under-test';
import { product, productId } from './neighbours';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
let legacy: LegacySystem;
let token: string;

const start = (routes: readonly object[], env: Readonly<Record<string, string>> = {}) =>
  startGateway({
    ...env,
    STRANGLER_ROUTES: JSON.stringify(routes.map((route) => ({ upstream: legacy.url, ...route }))),
  });

beforeAll(async () => {
  legacy = await LegacySystem.start();
});
beforeEach(() => legacy.reset());
afterAll(() => legacy.close());

describe('a prefix that only the legacy system has', () => {
  beforeAll(async () => {
    gateway = await start(
      [
        { prefix: '/legacy', access: 'token', passHeaders: ['x-shop-locale'] },
        { prefix: '/reports', access: ['ops:read'], rewritePrefix: '/cgi/reports' },
        { prefix: '/pages', access: 'public' },
      ],
      { REQUEST_TIMEOUT_MS: '3000' },
    );
    token = await gateway.issuer.token({ subject: 'alice' });
  });
  afterAll(() => gateway.close());

  const refused = async (status: number, path: string, init: Parameters<GatewayUnderTest['request']>[1] = {}) => {
    const asked = legacy.hits.length;
    const response = await gateway.request(path, init);
    expect(response.status).toBe(status);
    const problem = await problemOf(response);
    expect(legacy.hits).toHaveLength(asked);
    return problem;
  };

  describe('asks for the same token', () => {
    it('and forwards it', async () => {
      const response = await gateway.request('/legacy/orders/7?full=1&full=2', { token });
      expect([response.status, await response.json()]).toEqual([200, { from: 'legacy' }]);
      expect(legacy.last).toMatchObject({ method: 'GET', url: '/legacy/orders/7?full=1&full=2', body: '' });
      expect(legacy.last.headers.authorization).toBe(`Bearer ${token}`);
    });

    it.each([
      ['no token', {}, 'auth.missing-token'],
      ['an expired one', { expiresIn: -60 }, 'auth.invalid-token'],
      ['one for another audience', { audience: 'another-api' }, 'auth.invalid-token'],
    ])('and never forwards a request with %s', async (what, options, code) => {
      const sent = what === 'no token' ? {} : { token: await gateway.issuer.token(options) };
      expect((await refused(401, '/legacy/orders', sent)).code).toBe(code);
    });

    it('and for the scopes that the prefix names', async () => {
      expect((await refused(403, '/reports/today', { token })).code).toBe('auth.insufficient-scope');
      const allowed = await gateway.issuer.token({ scopes: ['ops:read'] });
      expect((await gateway.request('/reports/today', { token: allowed })).status).toBe(200);
      expect(legacy.last.url).toBe('/cgi/reports/today');
    });

    it('only where the prefix is not public, and forwards there only a token that is good', async () => {
      const bad = await gateway.issuer.token({ expiresIn: -60 });
      for (const init of [{}, { token: bad }]) {
        expect((await gateway.request('/pages/about', init)).status).toBe(200);
        expect(legacy.last.headers.authorization).toBeUndefined();
      }
      await gateway.request('/pages/about', { token });
      expect(legacy.last.headers.authorization).toBe(`Bearer ${token}`);
    });
  });

  describe('gets', () => {
    it('correlation id, trace, deadline and the client’s address from the edge', async () => {
      const trace = '0af7651916cd43dd8448eb211c80319c';
      const before = Date.now();
      const response = await gateway.request('/legacy/x', {
        token,
        headers: { 'x-correlation-id': 'strangler-1', traceparent: `00-${trace}-b7ad6b7169203331-01` },
      });
      expect(response.headers.get('x-correlation-id')).toBe('strangler-1');
      const { headers } = legacy.last;
      expect(headers).toMatchObject({
        'x-correlation-id': 'strangler-1',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'localhost:3000',
        host: new URL(legacy.url).host,
      });
      expect(headers['traceparent']).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
      expect(Number(headers['x-deadline'])).toBeGreaterThan(before);
      expect(Number(headers['x-deadline'])).toBeLessThan(before + 6_000);
    });

    it('nothing that only a proxy or the log-in may say', async () => {
      const forged = {
        'x-user': 'olga',
        'x-user-id': '1',
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-host': 'evil.example',
        'x-real-ip': '203.0.113.9',
        forwarded: 'for=203.0.113.9',
        'x-rookery-upstream': 'new',
        'x-original-url': '/admin',
        'x-http-method-override': 'DELETE',
        cookie: 'session=of-the-log-in',
        te: 'trailers',
        'proxy-authorization': 'Basic x',
        'x-deadline': '1',
        'x-shop-locale': 'fr',
      };
      const lines = Object.entries({ host: 'localhost', connection: 'close, x-shop-locale', ...forged });
      const head = lines.map(([name, value]) => `${name}: ${value}`).join('\r\n');
      const answer = await rawRequest(
        gateway.url,
        `GET /legacy/x HTTP/1.1\r\nauthorization: Bearer ${token}\r\n${head}\r\n\r\n`,
      );
      expect(answer.status).toBe(200);
      const { headers } = legacy.last;
      expect(Object.keys(headers).sort()).toEqual([
        'authorization',
        'connection',
        'host',
        'traceparent',
        'via',
        'x-correlation-id',
        'x-deadline',
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
      ]);
      expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'localhost:3000' });
      expect(Number(headers['x-deadline'])).toBeGreaterThan(1);
    });

    it('a header that the route lets through', async () => {
      await gateway.request('/legacy/x', { token, headers: { 'x-shop-locale': 'fr' } });
      expect(legacy.last.headers['x-shop-locale']).toBe('fr');
    });

    it.each([
      ['JSON to its last digit', 'application/json', '{ "amount": 12345678901234567890.10 }'],
      ['a form', 'application/x-www-form-urlencoded', 'a=1&b=%20'],
      [
        'a file',
        'multipart/form-data; boundary=xyz',
        '--xyz\r\ncontent-disposition: form-data; name="f"\r\n\r\n1\r\n--xyz--\r\n',
      ],
      ['plain text', 'text/plain; charset=utf-8', 'Grüße'],
    ])('%s as the client sent it', async (_what, type, body) => {
      const response = await gateway.request('/legacy/things', {
        token,
        method: 'PUT',
        headers: { 'content-type': type },
        body,
      });
      expect(response.status).toBe(200);
      expect(legacy.last).toMatchObject({ method: 'PUT', body });
      expect(legacy.last.headers['content-type']).toBe(type);
      expect(legacy.last.headers['content-length']).toBe(String(Buffer.byteLength(body)));
      expect(legacy.last.headers['transfer-encoding']).toBeUndefined();
    });

    it.each([['GET'], ['HEAD'], ['POST'], ['PUT'], ['PATCH'], ['DELETE']])('%s as %s', async (method) => {
      expect((await gateway.request('/legacy', { token, method })).status).toBe(200);
      expect(legacy.last).toMatchObject({ method, url: '/legacy' });
    });
  });

  describe('is not asked', () => {
    it.each([['OPTIONS'], ['TRACE'], ['PROPFIND']])('with %s', async (method) => {
      const answer = await rawRequest(
        gateway.url,
        `${method} /legacy/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
      );
      expect([404, 405]).toContain(answer.status);
      expect(legacy.hits).toEqual([]);
    });

    it.each([
      ['dot segments', '/legacy/../v1/ops'],
      ['a dot segment at the end', '/legacy/..'],
      ['escaped dots', '/legacy/%2e%2e/admin'],
      ['half escaped dots', '/legacy/.%2E/admin'],
      ['dots escaped twice', '/legacy/%252e%252e/admin'],
      ['dots with path parameters', '/legacy/..;x=1/admin'],
      ['an escaped slash', '/legacy/a%2Fb'],
      ['a slash escaped twice', '/legacy/a%252Fb'],
      ['an escaped backslash', '/legacy/a%5C..%5Cb'],
      ['a backslash', '/legacy/a\\..\\b'],
      ['an empty segment', '/legacy//evil.example/x'],
      ['U+0000', '/legacy/a%00b'],
      ['a prefix spelled otherwise', '/%6Cegacy/x'],
      ['the absolute form', 'http://evil.example/legacy/x'],
      ['the absolute form with a log-in', 'http://a@b:80/legacy/x'],
      ['a fragment', '/legacy/x#y'],
    ])('for an address with %s', async (_what, target) => {
      const answer = await rawRequest(
        gateway.url,
        `GET ${target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
      );
      expect([400, 404]).toContain(answer.status);
      expect(answer.headers).toMatch(/content-type: application\/problem\+json/i);
      expect(legacy.hits).toEqual([]);
    });

    it.each([['//evil.example/legacy/x'], ['/legacyx'], ['/Legacy/x']])(
      'for %s, which is not under the prefix',
      async (target) => {
        const answer = await rawRequest(
          gateway.url,
          `GET ${target} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
        );
        expect(answer.status).toBe(404);
        expect(legacy.hits).toEqual([]);
      },
    );

    it.each([
      [
        'Content-Length and Transfer-Encoding',
        ['content-length: 5', 'transfer-encoding: chunked'],
        '0\r\n\r\nGET /legacy/smuggled HTTP/1.1\r\nhost: x\r\n\r\n',
      ],
      [
        'two Content-Lengths',
        ['content-length: 3', 'content-length: 40'],
        'abcGET /legacy/smuggled HTTP/1.1\r\nhost: x\r\n\r\n',
      ],
      ['a Transfer-Encoding that is not chunked', ['transfer-encoding: xchunked'], '0\r\n\r\n'],
      ['a space before the colon', ['content-length : 5'], 'abcde'],
    ])('by a request with %s', async (_what, lines, body) => {
      const head = [
        'POST /legacy/x HTTP/1.1',
        'host: localhost',
        `authorization: Bearer ${token}`,
        'content-type: text/plain',
        ...lines,
      ];
      const answer = await rawRequest(gateway.url, `${head.join('\r\n')}\r\n\r\n${body}`);
      expect(answer.status).toBe(400);
      expect(legacy.hits).toEqual([]);
    });

    it('by a request that wants to upgrade', async () => {
      const answer = await rawRequest(
        gateway.url,
        `GET /legacy/ws HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13\r\n\r\n`,
      );
      expect(JSON.parse(answer.body)).toMatchObject({ status: 400, code: 'gateway.upgrade-refused' });
      expect(legacy.hits).toEqual([]);
    });

    it.each([
      ['JSON', 'application/json', `"${'x'.repeat(200_000)}"`],
      ['a file', 'application/octet-stream', 'x'.repeat(200_000)],
    ])('with %s beyond the limit', async (_what, type, body) => {
      await refused(413, '/legacy/x', { token, method: 'POST', headers: { 'content-type': type }, body });
    });

    it('with a body beyond the limit whose size is not told', async () => {
      const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
      const head = `POST /legacy/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\nconnection: close`;
      const answer = await rawRequest(gateway.url, `${head}\r\n\r\n${chunk.repeat(5)}0\r\n\r\n`);
      expect(answer.status).toBe(413);
      expect(legacy.hits).toEqual([]);
    });

    it('with headers beyond the limit', async () => {
      await refused(431, '/legacy/x', { token, headers: { 'x-shop-locale': 'x'.repeat(20_000) } }).catch(
        () => undefined,
      );
      expect(legacy.hits).toEqual([]);
    });
  });
});
