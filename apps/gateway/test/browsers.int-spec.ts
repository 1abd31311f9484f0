import { createHash } from 'node:crypto';
import { type GatewayUnderTest, startGateway } from './gateway-under-test';

const SHOP = 'https://shop.example';
const ADMIN = 'https://admin.example';
const FOREIGN = 'https://evil.example';

describe('a gateway behind TLS with two allowed origins', () => {
  let gateway: GatewayUnderTest;
  beforeAll(async () => {
    gateway = await startGateway({ CORS_ORIGINS: `${SHOP}, ${ADMIN}`, PUBLIC_URL: 'https://api.example' });
  });
  afterAll(() => gateway.close());

  const preflight = (origin: string, method = 'POST', headers = 'authorization,content-type,idempotency-key') =>
    gateway.request('/v1/orders', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
    });

  it.each([SHOP, ADMIN])('allows %s the headers that the API needs, without cookies', async (origin) => {
    const { status, headers } = await preflight(origin);
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-allow-methods')?.split(', ')).toEqual(['GET', 'POST', 'PATCH', 'DELETE']);
    expect(headers.get('access-control-allow-headers')).toContain('idempotency-key');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('access-control-max-age')).toBe('600');
    expect(headers.get('vary')).toMatch(/\borigin\b/i);
  });

  it.each([
    FOREIGN,
    'null',
    'http://shop.example',
    'https://shop.example.evil.example',
    'https://sub.shop.example',
    'https://shop.example:8443',
    'https://SHOP.example',
  ])('sends %s no header that grants access', async (origin) => {
    const asked = await preflight(origin);
    expect(asked.headers.get('access-control-allow-origin')).toBeNull();
    const read = await gateway.request('/v1/products', { headers: { origin } });
    expect(read.headers.get('access-control-allow-origin')).toBeNull();
    expect(read.headers.get('access-control-allow-credentials')).toBeNull();
    // A cache must not serve this response to an allowed origin, or vice versa.
    expect(read.headers.get('vary')).toMatch(/\borigin\b/i);
  });

  it('answers 404 at an unknown URL, although preflights are answered everywhere', async () => {
    for (const path of ['/nothing', '/v1/x', '/v1/orders/x/y']) {
      expect((await fetch(`${gateway.url}${path}`)).status).toBe(404);
    }
    expect((await fetch(`${gateway.url}/v1/me`, { method: 'DELETE' })).status).toBe(405);
  });

  it('lets an allowed origin read responses and rejections, with the headers that it needs', async () => {
    for (const path of ['/v1/products', '/v1/me', '/v1/nothing']) {
      const { headers } = await gateway.request(path, { headers: { origin: SHOP } });
      expect(headers.get('access-control-allow-origin')).toBe(SHOP);
      expect(headers.get('access-control-expose-headers')?.split(', ')).toEqual(
        expect.arrayContaining(['etag', 'location', 'retry-after', 'x-correlation-id']),
      );
    }
  });

  it('sends HSTS and the headers against framing and sniffing with every response', async () => {
    for (const path of ['/v1/products', '/v1/me', '/v1/nothing', '/docs', '/openapi.json', '/livez']) {
      const { headers } = await gateway.request(path);
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });
});

describe('a gateway without an allow-list and without TLS', () => {
  let gateway: GatewayUnderTest;
  beforeAll(async () => {
    gateway = await startGateway({ OIDC_TOKEN_URL: 'https://login.example/token' });
  });
  afterAll(() => gateway.close());

  it('lets no origin read anything, and sends no HSTS', async () => {
    const { headers } = await gateway.request('/v1/products', { headers: { origin: SHOP } });
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('strict-transport-security')).toBeNull();
    const asked = await gateway.request('/v1/orders', {
      method: 'OPTIONS',
      headers: { origin: SHOP, 'access-control-request-method': 'POST' },
    });
    expect(asked.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('has an API whose answers may load nothing', async () => {
    const { headers } = await gateway.request('/v1/products');
    expect(headers.get('content-security-policy')).toBe("default-src 'none';frame-ancestors 'none'");
  });

  it.each(['/docs', '/docs/'])('lets %s run its own files and its very own inline parts only', async (path) => {
    const response = await gateway.request(path);
    const policy = response.headers.get('content-security-policy') ?? '';
    const html = await response.text();
    const parts = Array.from(html.matchAll(/<(script|style)>([\s\S]*?)<\/\1>/g), ([, name = '', text = '']) => ({
      name,
      hash: `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
    }));
    expect(parts.map(({ name }) => name)).toEqual(expect.arrayContaining(['script', 'style']));
    const directives = new Map(
      policy.split('; ').map((text) => [text.split(' ', 1).join(''), text.split(' ').slice(1)]),
    );
    for (const { name, hash } of parts) {
      expect(directives.get(name === 'script' ? 'script-src' : 'style-src-elem')).toContain(hash);
    }
    expect(policy).not.toMatch(/unsafe-(inline|eval)|\*/);
    expect(directives.get('default-src')).toEqual(["'none'"]);
    expect(directives.get('connect-src')).toEqual(["'self'", 'https://login.example']);
    expect(directives.get('frame-ancestors')).toEqual(["'none'"]);
  });

  it('lets the page to which the log-in comes back run its file and nothing inline', async () => {
    const { headers } = await gateway.request('/docs/oauth2-redirect.html');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("style-src-attr 'none'");
    expect(headers.get('cross-origin-opener-policy')).toBeNull();
  });
});
