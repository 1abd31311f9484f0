import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { shutDown } from '@rookery/platform';
import { eventually, OidcIssuer, rawRequest } from '@rookery/testing';
import { MAX_RESPONSE_BYTES } from '../src/strangler/legacy-proxy';
import { MAX_IN_FLIGHT } from '../src/strangler/legacy-upstream';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';
import { LegacySystem } from './legacy-system';
import { orderId, productId, unknownId } from './neighbours';
import { problemOf } from './problem';

let gateway: GatewayUnderTest;
let legacy: LegacySystem;
let token: string;

const start = (routes: readonly object[], env: Readonly<Record<string, string>> = {}) =>
  startGateway({
    ...env,
    STRANGLER_ROUTES: JSON.stringify(routes.map((route) => ({ upstream: legacy.url, ...route }))),
  });

/** After an aborted request, `fetch` opens an idle connection for the next one, and a close would wait for it. */
const stop = async (): Promise<void> => {
  gateway.app.getHttpServer().closeAllConnections();
  await gateway.close();
};

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
  afterAll(stop);

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

    it('except on public prefixes, to which only a valid token is forwarded', async () => {
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
    it('correlation id, trace, the remaining time and the client’s address from the gateway', async () => {
      const trace = '0af7651916cd43dd8448eb211c80319c';
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
      expect(Number(headers['x-time-left-ms'])).toBeGreaterThan(0);
      expect(Number(headers['x-time-left-ms'])).toBeLessThan(6_000);
    });

    it('no header that only a proxy or the log-in may set', async () => {
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
        'x-time-left-ms': '1',
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
        'x-forwarded-for',
        'x-forwarded-host',
        'x-forwarded-proto',
        'x-time-left-ms',
      ]);
      expect(headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'localhost:3000' });
      expect(Number(headers['x-time-left-ms'])).toBeGreaterThan(1);
    });

    it('a header that the route passes', async () => {
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
    ])('%s unchanged', async (_what, type, body) => {
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

  describe('receives no request', () => {
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

    it('with an Upgrade header', async () => {
      const answer = await rawRequest(
        gateway.url,
        `GET /legacy/ws HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-key: x\r\nsec-websocket-version: 13\r\n\r\n`,
      );
      expect(JSON.parse(answer.body)).toMatchObject({ status: 400, code: 'gateway.upgrade-refused' });
      expect(legacy.hits).toEqual([]);
    });

    it.each([
      ['JSON', 'application/json', `"${'x'.repeat(200_000)}"`],
      ['a file', 'application/octet-stream', 'x'.repeat(200_000)],
    ])('with %s beyond the limit', async (_what, type, body) => {
      const init = { token, method: 'POST', headers: { 'content-type': type }, body };
      expect((await refused(413, '/legacy/x', init)).code).toBe('request.body-too-large');
    });

    it('with a body beyond the limit without a declared size', async () => {
      const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
      const head = `POST /legacy/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\nconnection: close`;
      const answer = await rawRequest(gateway.url, `${head}\r\n\r\n${chunk.repeat(5)}0\r\n\r\n`);
      expect(answer.status).toBe(413);
      expect(legacy.hits).toEqual([]);
    });

    it('with headers beyond the limit', async () => {
      const head = `GET /legacy/x HTTP/1.1\r\nhost: localhost\r\nx-shop-locale: ${'x'.repeat(20_000)}`;
      const answer = await rawRequest(gateway.url, `${head}\r\nconnection: close\r\n\r\n`);
      expect(answer.status).toBe(431);
      expect(legacy.hits).toEqual([]);
    });
  });

  describe('answers', () => {
    it.each([[200], [201], [404], [409], [422]])('%i like the legacy system', async (status) => {
      legacy.answer = (_request, response) => {
        response
          .writeHead(status, {
            'content-type': 'text/plain',
            etag: '"7"',
            'x-shop-locale': 'fr',
            'set-cookie': 'sid=1',
          })
          .end('as it is');
      };
      const response = await gateway.request('/legacy/x', { token });
      expect([response.status, await response.text()]).toEqual([status, 'as it is']);
      expect(response.headers.get('etag')).toBe('"7"');
      expect(response.headers.get('x-shop-locale')).toBe('fr');
    });

    it('without headers that only the gateway may set', async () => {
      legacy.answer = (_request, response) => {
        const hopByHop = { connection: 'close, x-shop-locale', 'keep-alive': 'timeout=9', 'x-shop-locale': 'fr' };
        const edge = {
          'set-cookie': 'sid=1',
          'access-control-allow-origin': '*',
          'content-security-policy': "script-src 'unsafe-inline'",
          'alt-svc': 'h3=":443"',
          server: 'Legacy/1.0',
          'x-powered-by': 'PHP',
          'x-correlation-id': 'of-its-own-making',
          'ratelimit-limit': '1',
        };
        response.writeHead(200, { 'content-type': 'text/html', ...hopByHop, ...edge }).end('<script>x</script>');
      };
      const { headers } = await gateway.request('/legacy/x', { token, headers: { 'x-correlation-id': 'edge-123456' } });
      const gone = ['set-cookie', 'access-control-allow-origin', 'alt-svc', 'server', 'x-powered-by', 'x-shop-locale'];
      expect(gone.filter((name) => headers.has(name))).toEqual([]);
      expect(headers.get('content-security-policy')).toMatch(/sandbox/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-correlation-id')).toBe('edge-123456');
      expect(headers.get('ratelimit-limit')).toBe('100000');
    });

    it.each([
      ['of its own', (path: string) => `${legacy.url}/cgi/reports${path}`, '/reports/7?x=1'],
      ['without a host', (path: string) => `/cgi/reports${path}`, '/reports/7?x=1'],
      ['outside of its prefix', () => `${legacy.url}/login`, '/login'],
      ['of its own with two leading slashes', () => `${legacy.url}//login.example/start`, '/.//login.example/start'],
      ['of another host', () => 'https://login.example/start', 'https://login.example/start'],
      ['of another host without a scheme', () => '//login.example/start', '//login.example/start'],
      ['relative to the request', () => 'next', 'next'],
    ])('a redirect to an address %s with the public one, and does not follow it', async (_what, location, expected) => {
      legacy.answer = (_request, response) => response.writeHead(302, { location: location('/7?x=1') }).end();
      const operator = await gateway.issuer.token({ scopes: ['ops:read'] });
      const response = await gateway.request('/reports/x', { token: operator, redirect: 'manual' });
      expect([response.status, response.headers.get('location')]).toEqual([302, expected]);
      expect(legacy.hits).toHaveLength(1);
    });

    it('HEAD, 204 and 304 without a body', async () => {
      legacy.answer = (request, response) => {
        const status = request.method === 'HEAD' ? 200 : Number(request.url?.slice(-3));
        response.writeHead(status, { etag: '"7"', ...(status === 200 && { 'content-length': '5' }) }).end();
      };
      const head = await gateway.request('/legacy/x', { token, method: 'HEAD' });
      expect([head.status, head.headers.get('content-length')]).toEqual([200, '5']);
      for (const status of [204, 304]) {
        const response = await gateway.request(`/legacy/${status}`, { token });
        expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([status, '"7"', '']);
      }
    });

    it.each([[500], [501], [503]])('%i with a problem instead of the legacy system’s page', async (status) => {
      legacy.answer = (_request, response) => {
        response.writeHead(status, { 'content-type': 'text/html', 'retry-after': '7' }).end('Error at Shop.java:17');
      };
      const response = await gateway.request('/legacy/x', { token });
      expect(response.status).toBe(status);
      expect(response.headers.get('retry-after')).toBe('7');
      const problem = await problemOf(response);
      expect(problem.code).toBe('gateway.legacy-failed');
      expect(JSON.stringify(problem)).not.toContain('Shop.java');
    });

    it('504 at the deadline, and cancels the request to the legacy system', async () => {
      legacy.answer = () => undefined;
      const startedAt = performance.now();
      const response = await gateway.request('/legacy/slow', { token, method: 'POST' });
      expect(performance.now() - startedAt).toBeGreaterThan(2_900);
      expect(response.status).toBe(504);
      expect((await problemOf(response)).code).toBe('deadline-exceeded');
      expect(response.headers.get('retry-after')).toBe('1');
      await eventually(() => expect(legacy.abandoned).toBe(1));
      expect(legacy.hits).toHaveLength(1);
    });

    it.each([
      ['hangs up', (socket: Socket) => socket.destroy()],
      ['sends no valid HTTP', (socket: Socket) => socket.end('hello there\r\n\r\n')],
      [
        'answers with headers beyond the limit',
        (socket: Socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`),
      ],
      [
        'answers in two ways at once',
        (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\nabcde'),
      ],
      [
        'wants to upgrade',
        (socket: Socket) => socket.end('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
      ],
    ])('502 when the legacy system %s', async (_what, act) => {
      legacy.answer = (request) => void act(request.socket);
      const response = await gateway.request('/legacy/x', { token });
      expect(response.status).toBe(502);
      expect((await problemOf(response)).code).toBe('gateway.legacy-unreachable');
      expect(legacy.hits).toHaveLength(1);
    });

    it('at the client’s pace', async () => {
      const chunk = Buffer.alloc(65_536, 'x');
      let written = 0;
      legacy.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const write = (): void => {
          while (written < 1_000) {
            written += 1;
            if (!response.write(chunk)) {
              response.once('drain', write);
              return;
            }
          }
          response.end();
        };
        write();
      };
      const socket = connect({ host: '127.0.0.1', port: Number(new URL(gateway.url).port) });
      socket.pause();
      socket.write(
        `GET /legacy/x HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`,
      );
      await eventually(() => expect(written).toBeGreaterThan(0));
      let before = 0;
      await eventually(
        () => {
          const grown = written - before;
          before = written;
          expect(grown).toBe(0);
        },
        { intervalMs: 300 },
      );
      expect(written).toBeLessThan(1_000);
      let received = 0;
      socket.on('data', (data: Buffer) => (received += data.length)).resume();
      await once(socket, 'close');
      expect(received).toBeGreaterThan(1_000 * 65_536);
    });

    it('up to the limit, and then cuts the connection', async () => {
      legacy.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/octet-stream' });
        response.end(Buffer.alloc(MAX_RESPONSE_BYTES + 1));
      };
      const response = await gateway.request('/legacy/x', { token });
      expect(response.status).toBe(200);
      await expect(response.arrayBuffer()).rejects.toThrow('terminated');
      legacy.answer = (_request, answer) => answer.end(Buffer.alloc(MAX_RESPONSE_BYTES));
      expect((await (await gateway.request('/legacy/x', { token })).arrayBuffer()).byteLength).toBe(MAX_RESPONSE_BYTES);
    });

    it('cut off when the legacy system’s is', async () => {
      legacy.answer = (_request, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => response.socket?.destroy());
      };
      const response = await gateway.request('/legacy/x', { token });
      await expect(response.text()).rejects.toThrow('terminated');
    });
  });

  it('forwards live streams in real time, beyond the deadline', async () => {
    const { promise: more, resolve: release } = Promise.withResolvers<undefined>();
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      void more.then(() => response.end('data: 2\n\n'));
    };
    const startedAt = performance.now();
    const response = await gateway.request('/legacy/events', { token, headers: { accept: 'text/event-stream' } });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('data: 1\n\n');
    await eventually(() => expect(performance.now() - startedAt).toBeGreaterThan(3_200));
    release(undefined);
    expect((await reader?.read())?.value).toBe('data: 2\n\n');
    expect((await reader?.read())?.done).toBe(true);
  });

  it('ends live streams when the token of their request expires', async () => {
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    };
    for (const path of ['/legacy/events', '/pages/events']) {
      const shortLived = await gateway.issuer.token({ subject: 'alice', expiresIn: 3 });
      const response = await gateway.request(path, { token: shortLived });
      let text: string | undefined;
      response.text().then(
        (all) => (text = all),
        () => undefined,
      );
      await eventually(() => expect(text).toBe('data: 1\n\n'), { timeoutMs: 6_000 });
    }
    await eventually(() => expect(legacy.abandoned).toBe(2));
  });

  it('gives live streams no slots of other requests', async () => {
    const narrow = await start([{ prefix: '/legacy', access: 'public' }], {
      LOAD_SHEDDING_MIN_IN_FLIGHT: '2',
      LOAD_SHEDDING_MAX_IN_FLIGHT: '2',
    });
    const leaving = new AbortController();
    try {
      legacy.answer = (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      };
      const follow = () => narrow.request('/legacy/events', { signal: leaving.signal });
      expect([(await follow()).status, (await follow()).status]).toEqual([200, 200]);
      await eventually(async () => expect((await narrow.request('/v1/products')).status).toBe(200));
    } finally {
      leaving.abort();
      narrow.app.getHttpServer().closeAllConnections();
      await narrow.close();
    }
  });

  it('is not part of the OpenAPI document', async () => {
    const document: unknown = await (await gateway.request('/openapi.json')).json();
    expect(JSON.stringify(document)).not.toContain('/legacy');
  });

  it('does not affect the gateway’s own routes', async () => {
    const form = {
      method: 'POST',
      headers: { 'content-type': 'text/plain', 'idempotency-key': 'strangler-1' },
      body: 'x',
    };
    expect((await gateway.request('/v1/orders', { ...form, token })).status).toBe(415);
    expect((await gateway.request('/v1/nothing', { ...form, token })).status).toBe(404);
    expect((await gateway.request('/v1/products')).status).toBe(200);
    expect(legacy.hits).toEqual([]);
  });
});

it('counts requests to the legacy system like all others, per caller', async () => {
  gateway = await start([{ prefix: '/legacy', access: 'token' }], { RATE_LIMIT_PER_MINUTE: '3' });
  try {
    const [alice, bob] = [await gateway.issuer.token(), await gateway.issuer.token({ subject: 'bob' })];
    const statuses = [];
    for (const path of ['/legacy/a', '/v1/me', '/legacy/b', '/legacy/c']) {
      statuses.push((await gateway.request(path, { token: alice })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect(legacy.hits.map(({ url }) => url)).toEqual(['/legacy/a', '/legacy/b']);
    expect((await gateway.request('/legacy/a', { token: bob })).status).toBe(200);
  } finally {
    await stop();
  }
});

describe('a legacy system that fails', () => {
  beforeEach(async () => {
    gateway = await start([{ prefix: '/legacy', access: 'public' }], { REQUEST_TIMEOUT_MS: '30000' });
  });
  afterEach(stop);
  const statusesOf = async (count: number): Promise<number[]> => {
    const answers = await Promise.all(Array.from({ length: count }, () => gateway.request('/legacy/x')));
    return answers.map(({ status }) => status);
  };

  it('receives no requests for a moment, then one probe, then all requests', async () => {
    legacy.answer = (request) => void request.socket.destroy();
    const first = await statusesOf(30);
    expect(first).toContain(502);
    await eventually(async () => expect(await statusesOf(1)).toEqual([503]));
    const problem = await problemOf(await gateway.request('/legacy/x'));
    expect(problem).toMatchObject({ code: 'gateway.legacy-unavailable', retryAfterSeconds: 1 });
    // The gateway's own routes are not affected.
    expect((await gateway.request('/v1/products')).status).toBe(200);
    legacy.reset();
    await eventually(async () => expect(await statusesOf(1)).toEqual([200]));
    expect(legacy.hits).toHaveLength(1);
    expect(new Set(await statusesOf(10))).toEqual(new Set([200]));
  });

  it('holds a bounded number of requests: further ones get 503 immediately, other routes are not affected', async () => {
    const { promise: freed, resolve: free } = Promise.withResolvers<undefined>();
    legacy.answer = (_request, response) => void freed.then(() => response.end('late'));
    const waiting = statusesOf(MAX_IN_FLIGHT);
    await eventually(() => expect(legacy.hits).toHaveLength(MAX_IN_FLIGHT));
    expect(await statusesOf(5)).toEqual([503, 503, 503, 503, 503]);
    expect((await gateway.request('/v1/products')).status).toBe(200);
    free(undefined);
    expect(new Set(await waiting)).toEqual(new Set([200]));
    await eventually(async () => expect(await statusesOf(1)).toEqual([200]));
  });

  it.each([
    ['before the answer', () => undefined],
    ['in the middle of it', (response: ServerResponse) => void response.writeHead(200).write('half')],
  ])('is released when the client leaves %s', async (what, begin) => {
    legacy.answer = (_request, response) => begin(response);
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(gateway.url).port) });
    socket.write('GET /legacy/x HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await eventually(() => expect(legacy.hits).toHaveLength(1));
    if (what !== 'before the answer') {
      await once(socket, 'data');
    }
    expect(legacy.abandoned).toBe(0);
    socket.destroy();
    await eventually(() => expect(legacy.abandoned).toBe(1));
  });

  it('delays no shutdown: live streams end when the gateway stops', async () => {
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
    };
    const response = await gateway.request('/legacy/events');
    const text = response.text();
    await shutDown(gateway.app);
    expect(await text).toBe('data: 1\n\n');
    await eventually(() => expect(legacy.abandoned).toBe(1));
  });
});

describe('a prefix that the gateway has as well', () => {
  let issuer: OidcIssuer;
  /** The same issuer for each gateway, as in a real restart. */
  const shared = (route: object, env: Readonly<Record<string, string>> = {}) =>
    start([{ prefix: '/v1/products', ...route }], { OIDC_ISSUER: issuer.url, ...env });
  beforeAll(async () => {
    issuer = await OidcIssuer.start();
  });
  afterEach(stop);
  afterAll(() => issuer.close());

  const path = `/v1/products/${productId}`;
  const sideOf = async (init?: Parameters<GatewayUnderTest['request']>[1]): Promise<'legacy' | 'new'> => {
    const response = await gateway.request(path, init);
    expect(response.status).toBe(200);
    const body: unknown = await response.json();
    return JSON.stringify(body) === '{"from":"legacy"}' ? 'legacy' : 'new';
  };

  it('is split by percentage: subjects keep their side over a restart, and each moves once on the way from 100 to 0', async () => {
    const subjects = Array.from({ length: 80 }, (_, index) => `subject-${index}`);
    const tokens = await Promise.all(subjects.map((subject) => issuer.token({ subject })));
    const sides: ReadonlySet<string>[] = [];
    for (const legacyPercent of [100, 60, 25, 25, 0]) {
      gateway = await shared({ legacyPercent });
      const answers = await Promise.all(tokens.map((token) => sideOf({ token })));
      sides.push(new Set(subjects.filter((_, index) => answers[index] === 'legacy')));
      if (legacyPercent > 0) {
        await stop();
      }
    }
    const [all, most, quarter, again, none] = sides;
    expect([all?.size, none?.size]).toEqual([subjects.length, 0]);
    // Four standard deviations of 80 samples. The precision of the split is tested in upstream-choice.spec.ts with 10,000 subjects.
    expect(Math.abs((most?.size ?? 0) - 48)).toBeLessThan(18);
    expect(Math.abs((quarter?.size ?? 0) - 20)).toBeLessThan(16);
    expect(again).toEqual(quarter);
    expect([...(quarter ?? [])].filter((subject) => most?.has(subject) !== true)).toEqual([]);
  }, 180_000);

  it('keeps a subject on its side from any address, and an anonymous caller by address', async () => {
    gateway = await shared({ legacyPercent: 50 }, { TRUST_PROXY: '127.0.0.0/8' });
    const from = (index: number) => ({ 'x-forwarded-for': `203.0.113.${index}` });
    const ofSubject = new Set<string>();
    const ofAddresses = new Set<string>();
    const bearer = await issuer.token({ subject: 'alice' });
    for (let index = 0; index < 40; index += 1) {
      ofSubject.add(await sideOf({ headers: from(index), token: bearer }));
      const side = await sideOf({ headers: from(index) });
      ofAddresses.add(side);
      expect(await sideOf({ headers: from(index) })).toBe(side);
      // A caller with a forged token is anonymous and is assigned by address.
      expect(
        await sideOf({ headers: from(index), token: await issuer.token({ subject: `${index}`, expiresIn: -60 }) }),
      ).toBe(side);
    }
    expect(ofSubject.size).toBe(1);
    expect(ofAddresses).toEqual(new Set(['legacy', 'new']));
  }, 60_000);

  it('lets a header choose if the route allows it, and rejects other values', async () => {
    gateway = await shared({ legacyPercent: 0, choiceByHeader: true });
    const choosing = (side: string) => ({ headers: { 'x-rookery-upstream': side } });
    expect(await sideOf()).toBe('new');
    expect(await sideOf(choosing('legacy'))).toBe('legacy');
    expect(await sideOf(choosing('new'))).toBe('new');
    const response = await gateway.request(path, choosing('http://evil.example'));
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors).toEqual([
      { pointer: '#/header/x-rookery-upstream', detail: 'must be legacy or new' },
    ]);
  });

  it.each([
    [100, 'legacy', 'new'],
    [0, 'new', 'legacy'],
  ])('ignores the header otherwise: at %i %% all callers are on %s', async (legacyPercent, side, wanted) => {
    gateway = await shared({ legacyPercent });
    expect(await sideOf({ headers: { 'x-rookery-upstream': wanted } })).toBe(side);
    expect(await sideOf({ headers: { 'x-rookery-upstream': 'nonsense' } })).toBe(side);
  });

  it('has token, scope, limits and input checked as before on both sides', async () => {
    gateway = await shared({ legacyPercent: 100 });
    const change = { name: 'x' };
    const writer = await issuer.token({ scopes: ['catalog:write'] });
    const reader = await issuer.token({ scopes: ['orders:read'] });
    const statusOf = async (init: Parameters<GatewayUnderTest['send']>[3], body: unknown = change, to = path) =>
      (await gateway.send('PATCH', to, body, init)).status;
    expect(await statusOf({})).toBe(401);
    expect(await statusOf({ token: reader })).toBe(403);
    expect(await statusOf({ token: writer }, 'x'.repeat(200_000))).toBe(413);
    expect(await statusOf({ token: writer }, { constructor: 1 })).toBe(400);
    expect(await statusOf({ token: writer, headers: { 'content-type': 'text/plain' } })).toBe(415);
    expect(await statusOf({ token: writer }, change, `${path}?surprise=1`)).toBe(400);
    expect(await statusOf({ token: writer, headers: { accept: 'text/html' } })).toBe(406);
    expect(legacy.hits).toEqual([]);
    expect(await statusOf({ token: writer })).toBe(200);
    expect(legacy.last).toMatchObject({ method: 'PATCH', url: path, body: JSON.stringify(change) });
    expect(legacy.last.headers.authorization).toBe(`Bearer ${writer}`);
  });

  it('never falls back: a write or read that the legacy system does not answer reaches no other system', async () => {
    gateway = await shared({ legacyPercent: 100 });
    legacy.answer = (request) => void request.socket.destroy();
    const bearer = await issuer.token({ scopes: ['catalog:write'] });
    const asked = gateway.stubs.changeProduct.requests.length + gateway.stubs.getProduct.requests.length;
    expect((await gateway.send('PATCH', path, { name: 'x' }, { token: bearer })).status).toBe(502);
    expect((await gateway.request(path)).status).toBe(502);
    expect(gateway.stubs.changeProduct.requests.length + gateway.stubs.getProduct.requests.length).toBe(asked);
    expect(legacy.hits).toHaveLength(2);
  });

  it('keeps responses of a split route out of shared caches, and does not affect others', async () => {
    legacy.answer = (_request, response) => {
      response.setHeader('cache-control', 'public, max-age=60, s-maxage=600').end('{"from":"legacy"}');
    };
    const cacheOf = async (side: string) =>
      (await gateway.request(path, { headers: { 'x-rookery-upstream': side } })).headers.get('cache-control');
    gateway = await shared({ legacyPercent: 50, choiceByHeader: true });
    expect(await cacheOf('legacy')).toBe('private, max-age=60');
    expect(await cacheOf('new')).toBe('private, max-age=5, stale-while-revalidate=30, stale-if-error=600');
    await stop();
    gateway = await shared({ legacyPercent: 0 });
    expect(await cacheOf('new')).toMatch(/^public/);
    await stop();
    gateway = await shared({ legacyPercent: 100 });
    expect(await cacheOf('legacy')).toBe('public, max-age=60, s-maxage=600');
  });

  it('counts both sides apart, errors too', async () => {
    gateway = await shared({ legacyPercent: 0, choiceByHeader: true });
    const ask = (side: string, of = path) => gateway.request(of, { headers: { 'x-rookery-upstream': side } });
    await ask('new');
    await ask('new', `${path.slice(0, -1)}f`);
    await ask('legacy');
    legacy.answer = (_request, response) => response.writeHead(500).end();
    await ask('legacy');
    await ask('legacy');
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'content-length': '9' }).write('half', () => response.socket?.destroy());
    };
    await (await ask('legacy')).text().catch(() => undefined);
    await eventually(async () => {
      const text = await (await gateway.request('/metrics')).text();
      const counts = [...text.matchAll(/^strangler_request_duration_seconds_count\{(?<labels>.*)\} (?<count>\d+)$/gm)];
      expect(counts.map(({ groups }) => `${groups?.['labels']} ${groups?.['count']}`).sort()).toEqual([
        'prefix="/v1/products",upstream="legacy",status="200" 1',
        'prefix="/v1/products",upstream="legacy",status="500" 2',
        'prefix="/v1/products",upstream="legacy",status="aborted" 1',
        'prefix="/v1/products",upstream="new",status="200" 1',
        'prefix="/v1/products",upstream="new",status="404" 1',
      ]);
    });
  });

  it('forwards routes of the legacy system alone if their access is configured, and nothing else', async () => {
    gateway = await shared({ legacyPercent: 0, access: 'token' });
    const bearer = await issuer.token();
    const reviews = `${path}/reviews/latest`;
    expect((await gateway.request(reviews)).status).toBe(401);
    expect((await gateway.request(reviews, { token: bearer })).status).toBe(200);
    expect((await gateway.request('/v1/products', { token: bearer, method: 'PUT' })).status).toBe(200);
    expect(legacy.hits.map(({ method, url }) => `${method} ${url}`)).toEqual([`GET ${reviews}`, 'PUT /v1/products']);
    expect(await sideOf({ token: bearer })).toBe('new');
    await stop();
    gateway = await shared({ legacyPercent: 100 });
    expect((await gateway.request(reviews, { token: bearer })).status).toBe(404);
    expect((await gateway.request('/v1/products', { token: bearer, method: 'PUT' })).status).toBe(405);
    expect(legacy.hits).toHaveLength(2);
  });

  it('does not affect the gateway’s own live streams', async () => {
    gateway = await start([{ prefix: '/v1/orders', legacyPercent: 0 }], { OIDC_ISSUER: issuer.url });
    const follow = async (id: string) =>
      gateway.request(`/v1/orders/${id}/events`, {
        token: await issuer.token({ scopes: ['orders:read'] }),
        headers: { accept: 'text/event-stream' },
      });
    expect((await follow(unknownId)).status).toBe(404);
    gateway.state.status = 'Confirmed';
    const response = await follow(orderId);
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('event: end')]);
  });

  it('may have live streams', async () => {
    gateway = await start([{ prefix: '/v1/orders' }], { OIDC_ISSUER: issuer.url });
    legacy.answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: from legacy\n\n');
    };
    const response = await gateway.request(`/v1/orders/${orderId}/events`, {
      token: await issuer.token({ scopes: ['orders:read'] }),
      headers: { accept: 'text/event-stream' },
    });
    expect([response.status, await response.text()]).toEqual([200, 'data: from legacy\n\n']);
    expect(gateway.stubs.timeline.requests).toEqual([]);
  });
});

describe('without the setting', () => {
  it('nothing of it exists', async () => {
    gateway = await startGateway();
    try {
      expect(await (await gateway.request('/metrics')).text()).not.toContain('strangler');
      expect((await gateway.request('/legacy/x', { token: await gateway.issuer.token() })).status).toBe(404);
      const response = await gateway.request('/v1/products', { headers: { 'x-rookery-upstream': 'legacy' } });
      expect(response.headers.get('cache-control')).toMatch(/^public/);
    } finally {
      await stop();
    }
  });
});
