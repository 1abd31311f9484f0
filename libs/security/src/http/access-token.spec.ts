import { createSecretKey } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { jest } from '@jest/globals';
import { Controller, Get, Module } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import {
  base64url,
  type CryptoKey,
  exportJWK,
  exportPKCS8,
  exportSPKI,
  generateKeyPair,
  type JWK,
  SignJWT,
} from 'jose';
import { Problem } from '@rookery/contracts';
import { type Actor, configureLogger, createService, HealthModule, Public } from '@rookery/platform';
import { CurrentActor } from '../current-actor';
import { SecurityModule } from '../security.module';
import { AccessTokenVerifier } from './access-token.verifier';
import { InvalidToken } from './challenges';
import { RequireScopes } from './scopes.guard';

const AUDIENCE = 'rookery-api';

@Controller('v1')
class ThingsController {
  @Get('me')
  me(@CurrentActor() actor: Actor) {
    return actor;
  }

  @Get('orders')
  @RequireScopes('orders:read', 'orders:write')
  orders() {
    return { items: [] };
  }

  @Public()
  @Get('open')
  open() {
    return { open: true };
  }
}

/** A real provider: discovery and keys over HTTP, each request counted. */
class Provider {
  readonly counts = { discovery: 0, keys: 0 };
  keys: JWK[] = [];
  broken: 'nothing' | '/jwks' | 'all' = 'nothing';
  namesAnotherIssuer = false;
  issuer = '';
  address = '';
  private server: Server | undefined;

  async start(port = 0): Promise<void> {
    const server = createServer((request, response) => {
      const isKeys = request.url === '/jwks';
      this.counts[isKeys ? 'keys' : 'discovery'] += 1;
      response.statusCode = this.broken === 'all' || this.broken === request.url ? 500 : 200;
      response.setHeader('content-type', 'application/json');
      const issuer = this.namesAnotherIssuer ? 'http://evil.example' : this.issuer;
      response.end(JSON.stringify(isKeys ? { keys: this.keys } : { issuer, jwks_uri: `${this.address}/jwks` }));
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('no port');
    }
    this.address = `http://127.0.0.1:${address.port}`;
    this.issuer = this.address;
    this.server = server;
  }

  async stop(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }
}

describe('access tokens at the HTTP edge', () => {
  const provider = new Provider();
  let app: NestFastifyApplication;
  let url: string;
  let privateKey: CryptoKey;
  let publicKey: CryptoKey;
  let callerKey: JWK;

  const startApp = async () => {
    @Module({
      imports: [
        HealthModule,
        SecurityModule.forHttp({
          issuer: provider.issuer,
          audience: AUDIENCE,
          caller: 'gateway',
          signingKey: JSON.stringify(callerKey),
        }),
      ],
      controllers: [ThingsController],
    })
    class ThingsModule {}
    const config = { LOG_LEVEL: 'silent', HOST: '127.0.0.1', PORT: 0, SHUTDOWN_GRACE_SECONDS: 5 } as const;
    app = await createService({ name: 'gateway', module: ThingsModule, config });
    await app.listen({ port: 0, host: '127.0.0.1' });
    url = await app.getUrl();
  };

  beforeAll(async () => {
    configureLogger('gateway', 'silent');
    ({ privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true }));
    const caller = await generateKeyPair('ES256', { extractable: true });
    callerKey = { ...(await exportJWK(caller.privateKey)), kid: 'gateway' };
    provider.keys = [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }];
    await provider.start();
  });
  afterAll(() => provider.stop());

  beforeEach(async () => {
    provider.broken = 'nothing';
    provider.namesAnotherIssuer = false;
    Object.assign(provider.counts, { discovery: 0, keys: 0 });
    await startApp();
  });
  afterEach(() => app.close());

  const now = () => Math.floor(Date.now() / 1000);
  const claims = () => ({
    iss: provider.issuer,
    aud: AUDIENCE,
    sub: 'alice',
    client_id: 'demo-cli',
    scope: 'orders:read',
    roles: ['customer'],
    iat: now(),
    exp: now() + 300,
  });
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'key-1' };
  const sign = (
    change: Record<string, unknown> = {},
    headerChange: Record<string, unknown> = {},
    key: Parameters<SignJWT['sign']>[0] = privateKey,
  ) => new SignJWT({ ...claims(), ...change }).setProtectedHeader({ ...header, ...headerChange }).sign(key);
  const encode = (value: unknown) => base64url.encode(JSON.stringify(value));

  const ask = async (path: string, authorization?: string) => {
    const response = await fetch(`${url}${path}`, { headers: authorization === undefined ? {} : { authorization } });
    const body: unknown = await response.json();
    return { status: response.status, headers: response.headers, body };
  };

  it('passes the token’s actor to the handler', async () => {
    const { status, body } = await ask('/v1/me', `Bearer ${await sign()}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      subject: 'alice',
      issuer: provider.issuer,
      clientId: 'demo-cli',
      scopes: ['orders:read'],
      roles: ['customer'],
    });
  });

  it('serves public routes and health without or with an invalid token, and asks the provider nothing', async () => {
    expect((await ask('/v1/open')).status).toBe(200);
    expect((await ask('/v1/open', 'Bearer nonsense')).status).toBe(200);
    expect((await ask('/readyz')).status).toBe(200);
    expect(provider.counts).toEqual({ discovery: 0, keys: 0 });
  });

  it.each([
    ['no header', undefined],
    ['another scheme', 'Basic YTpi'],
    ['no token after the scheme', 'Bearer '],
  ])('demands a token when there is %s', async (_what, authorization) => {
    const { status, headers, body } = await ask('/v1/me', authorization);
    expect(status).toBe(401);
    expect(Problem.parse(body).code).toBe('auth.missing-token');
    // RFC 6750, 3.1: no error code when no token was sent.
    expect(headers.get('www-authenticate')).toBe('Bearer realm="rookery"');
  });

  it('rejects a header from which another parser could take another token', async () => {
    const token = await sign();
    for (const header of [`Bearer ${token} ${token}`, `Bearer ${token},x`, `Bearer\t${token}`]) {
      expect((await ask('/v1/me', header)).status).toBe(401);
    }
    expect((await ask('/v1/me', `bearer  ${token}`)).status).toBe(200);
  });

  const forgeries: readonly (readonly [string, () => Promise<string>])[] = [
    ['alg none', async () => `${encode({ ...header, alg: 'none' })}.${encode(claims())}.`],
    [
      'alg none with a signature',
      async () => `${encode({ ...header, alg: 'none' })}.${(await sign()).split('.').slice(1).join('.')}`,
    ],
    [
      'HS256 signed with the public key as PEM',
      async () => sign({}, { alg: 'HS256' }, createSecretKey(Buffer.from(await exportSPKI(publicKey)))),
    ],
    [
      'HS256 signed with the public JWK',
      async () => sign({}, { alg: 'HS256' }, createSecretKey(Buffer.from(JSON.stringify(provider.keys[0])))),
    ],
    [
      'an embedded key under a new kid',
      async () => {
        const own = await generateKeyPair('ES256', { extractable: true });
        return sign({}, { jwk: await exportJWK(own.publicKey), kid: 'mine' }, own.privateKey);
      },
    ],
    [
      'an embedded key under the real kid',
      async () => {
        const own = await generateKeyPair('ES256', { extractable: true });
        return sign({}, { jwk: await exportJWK(own.publicKey) }, own.privateKey);
      },
    ],
    ['an embedded key although the signature is right', async () => sign({}, { jwk: await exportJWK(publicKey) })],
    ['a jku', async () => sign({}, { jku: 'http://evil.example/jwks' })],
    ['a signature by another key', async () => sign({}, {}, (await generateKeyPair('ES256')).privateKey)],
    ['a kid with a path', async () => sign({}, { kid: '../../etc/passwd' })],
    ['no kid', async () => sign({}, { kid: undefined })],
    [
      'an unknown crit',
      async () =>
        `${encode({ ...header, crit: ['x-exp'], 'x-exp': 1 })}.${(await sign()).split('.').slice(1).join('.')}`,
    ],
    ['no exp', async () => sign({ exp: undefined })],
    ['a passed exp', async () => sign({ iat: now() - 400, exp: now() - 60 })],
    ['an exp that is a string', async () => sign({ exp: '9999999999' })],
    ['an nbf in the future', async () => sign({ nbf: now() + 60 })],
    ['no iat', async () => sign({ iat: undefined })],
    ['no sub', async () => sign({ sub: undefined })],
    ['an empty sub', async () => sign({ sub: '' })],
    ['another audience', async () => sign({ aud: 'someone-else' })],
    ['no audience', async () => sign({ aud: undefined })],
    ['another issuer', async () => sign({ iss: 'http://evil.example' })],
    ['the issuer with a slash', async () => sign({ iss: `${provider.issuer}/` })],
    ['an ID token', async () => sign({ aud: 'demo-cli' }, { typ: 'JWT' })],
    ['an ID token for the API', async () => sign({}, { typ: 'JWT' })],
    ['no typ', async () => sign({}, { typ: undefined })],
    ['a refresh token', async () => 'Yx3Zr0lS2vQGm1n0pUe5Rk8c4TtJhW9bVf7aDsLqKoE'],
    ['a scope that is not a string', async () => sign({ scope: ['orders:read'] })],
    [
      'a changed payload',
      async () => {
        const [head = '', , signature = ''] = (await sign()).split('.');
        return `${head}.${encode({ ...claims(), sub: 'olga', roles: ['operator'] })}.${signature}`;
      },
    ],
    [
      'RS256',
      async () => {
        const rsa = await generateKeyPair('RS256', { extractable: true });
        expect(await exportPKCS8(rsa.privateKey)).toContain('PRIVATE');
        return sign({}, { alg: 'RS256' }, rsa.privateKey);
      },
    ],
    ['text', async () => 'not.a.jwt'],
  ];

  it.each(forgeries)('rejects %s', async (_what, forge) => {
    const { status, headers, body } = await ask('/v1/me', `Bearer ${await forge()}`);
    const problem = Problem.parse(body);
    expect([status, problem.code]).toEqual([401, 'auth.invalid-token']);
    expect(headers.get('www-authenticate')).toMatch(
      /^Bearer realm="rookery", error="invalid_token", error_description="/,
    );
    expect(headers.get('content-type')).toBe('application/problem+json');
  });

  it('gives the same answer for every invalid token', async () => {
    const [expired, foreign] = [await sign({ exp: now() - 60 }), await sign({ aud: 'someone-else' })];
    const [one, other] = [await ask('/v1/me', `Bearer ${expired}`), await ask('/v1/me', `Bearer ${foreign}`)];
    expect(Problem.parse(one.body).detail).toBe(Problem.parse(other.body).detail);
  });

  it('names the missing scopes', async () => {
    const { status, headers, body } = await ask('/v1/orders', `Bearer ${await sign()}`);
    expect([status, Problem.parse(body).code]).toEqual([403, 'auth.insufficient-scope']);
    expect(headers.get('www-authenticate')).toBe(
      'Bearer realm="rookery", error="insufficient_scope", scope="orders:read orders:write"',
    );
    expect((await ask('/v1/orders', `Bearer ${await sign({ scope: 'orders:write orders:read' })}`)).status).toBe(200);
    expect((await ask('/v1/orders')).status).toBe(401);
  });

  it('fetches keys at most twice for 1,000 tokens with unknown keys', async () => {
    const verifier = app.get(AccessTokenVerifier);
    const own = await generateKeyPair('ES256');
    const refused = Array.from({ length: 1000 }, async (_, index) => {
      const token = await sign({}, { kid: `unknown-${index}` }, own.privateKey);
      await expect(verifier.verify(token)).rejects.toBeInstanceOf(InvalidToken);
    });
    await Promise.all(refused);
    expect((await ask('/v1/me', `Bearer ${await sign()}`)).status).toBe(200);
    expect(provider.counts.keys).toBeGreaterThanOrEqual(1);
    expect(provider.counts.keys).toBeLessThanOrEqual(2);
    expect(provider.counts.discovery).toBe(1);
  }, 30_000);

  it('answers 503 while the provider is unavailable, 401 without a token, and recovers on its own', async () => {
    provider.broken = 'all';
    const token = await sign();
    const { status, headers } = await ask('/v1/me', `Bearer ${token}`);
    expect([status, headers.get('retry-after')]).toEqual([503, '1']);
    expect((await ask('/v1/me')).status).toBe(401);
    expect((await ask('/v1/open')).status).toBe(200);
    await Promise.all(Array.from({ length: 50 }, () => ask('/v1/me', `Bearer ${token}`)));
    expect(provider.counts.discovery).toBe(1);
    provider.broken = 'nothing';
    const deadline = Date.now() + 5000;
    let last = 503;
    while (last !== 200 && Date.now() < deadline) {
      last = (await ask('/v1/me', `Bearer ${token}`)).status;
    }
    expect(last).toBe(200);
  });

  it('answers 503 when the keys cannot be fetched, and asks for them once', async () => {
    provider.broken = '/jwks';
    const token = await sign();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/v1/me', `Bearer ${token}`)));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([503]));
    expect(provider.counts.keys).toBe(1);
  });

  it('continues with known keys while the provider is unavailable', async () => {
    expect((await ask('/v1/me', `Bearer ${await sign()}`)).status).toBe(200);
    provider.broken = 'all';
    expect((await ask('/v1/me', `Bearer ${await sign({ sub: 'bob' })}`)).status).toBe(200);
    expect((await ask('/v1/me', `Bearer ${await sign({}, { kid: 'unknown' })}`)).status).toBe(401);
  });

  it('rejects a discovery document of another issuer', async () => {
    provider.namesAnotherIssuer = true;
    expect((await ask('/v1/me', `Bearer ${await sign()}`)).status).toBe(503);
    expect(provider.counts.keys).toBe(0);
  });
});

describe('an issuer that this process reaches at another address', () => {
  const provider = new Provider();
  beforeAll(() => provider.start());
  afterAll(() => provider.stop());

  it('is accepted when its discovery document names it, and rejected when that names the address', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    provider.keys = [{ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'ES256', use: 'sig' }];
    const issuer = 'http://issuer.example';
    const token = await new SignJWT({ iss: issuer, aud: AUDIENCE, sub: 'alice' })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'key-1' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
    const verify = () =>
      new AccessTokenVerifier({ issuer, audience: AUDIENCE, issuerAddress: `${provider.address}/` }).verify(token);
    await expect(verify()).rejects.toThrow('Access tokens cannot be verified at the moment.');
    provider.issuer = issuer;
    await expect(verify()).resolves.toMatchObject({ subject: 'alice', issuer });
  });
});

const MINUTE = 60_000;

describe('a key that the provider has withdrawn', () => {
  const provider = new Provider();
  beforeAll(async () => {
    configureLogger('gateway', 'silent');
    await provider.start();
  });
  afterAll(() => provider.stop());
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is accepted for ten minutes at most, whatever was verified with it until then', async () => {
    const [old, next] = [await generateKeyPair('ES256'), await generateKeyPair('ES256')];
    const publish = async (kid: string, key: CryptoKey) => {
      provider.keys = [{ ...(await exportJWK(key)), kid, alg: 'ES256', use: 'sig' }];
    };
    const tokenOf = (subject: string, kid: string, key: CryptoKey) =>
      new SignJWT({ iss: provider.issuer, aud: AUDIENCE, sub: subject })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
        .setIssuedAt()
        .setExpirationTime('2h')
        .sign(key);
    // Only the clock of key set and token memory: a token's own times stay true.
    const begin = Date.now();
    let now = begin;
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    const verifier = new AccessTokenVerifier({ issuer: provider.issuer, audience: AUDIENCE });

    await publish('old', old.publicKey);
    await expect(verifier.verify(await tokenOf('alice', 'old', old.privateKey))).resolves.toBeDefined();
    // An answer that stays open, as a live stream does.
    const { lease } = await verifier.admit(await tokenOf('alice', 'old', old.privateKey));
    let lastHeldAt = begin;
    await publish('next', next.publicKey);
    // Somebody asks every ten seconds: with a token that is new, and once more with those of the last minute.
    let tokens: readonly string[] = [];
    let lastBelievedAt = begin;
    for (; now <= begin + 15 * MINUTE; now += 10_000) {
      tokens = [...tokens.slice(-6), await tokenOf(`at ${now}`, 'old', old.privateKey)];
      for (const token of tokens) {
        const believed = await verifier.verify(token).then(
          () => true,
          (error: unknown) => {
            expect(error).toBeInstanceOf(InvalidToken);
            return false;
          },
        );
        if (believed) {
          lastBelievedAt = now;
        }
      }
      if (await lease.holds()) {
        lastHeldAt = now;
      }
    }
    expect(lastBelievedAt - begin).toBeLessThan(10 * MINUTE);
    expect(lastHeldAt).toBeLessThanOrEqual(lastBelievedAt);
    expect(lastHeldAt - begin).toBeGreaterThan(9 * MINUTE);
    // It was believed for most of that time, or this would prove nothing.
    expect(lastBelievedAt - begin).toBeGreaterThan(9 * MINUTE);
    await expect(verifier.verify(await tokenOf('bob', 'next', next.privateKey))).resolves.toMatchObject({
      subject: 'bob',
    });
  });
});

describe('an issuer that predates RFC 9068', () => {
  const provider = new Provider();
  let key: CryptoKey;
  let verifier: AccessTokenVerifier;

  beforeAll(async () => {
    configureLogger('gateway', 'silent');
    await provider.start();
    const pair = await generateKeyPair('RS256', { extractable: true });
    key = pair.privateKey;
    provider.keys = [{ ...(await exportJWK(pair.publicKey)), kid: 'key-1', alg: 'RS256', use: 'sig' }];
    verifier = new AccessTokenVerifier({
      issuer: provider.issuer,
      audience: AUDIENCE,
      algorithms: ['RS256'],
      type: 'JWT',
    });
  });
  afterAll(() => provider.stop());

  const sign = (
    change: Readonly<Record<string, unknown>> = {},
    header: Readonly<Record<string, unknown>> = {},
    signingKey: Parameters<SignJWT['sign']>[0] = key,
  ) =>
    new SignJWT({ iss: provider.issuer, aud: AUDIENCE, sub: 'alice', azp: 'a-client', scope: 'orders:read', ...change })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'key-1', ...header })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(signingKey);

  it('is accepted with settings that name its algorithm and token type', async () => {
    await expect(verifier.verify(await sign())).resolves.toEqual({
      subject: 'alice',
      issuer: provider.issuer,
      clientId: 'a-client',
      scopes: ['orders:read'],
      roles: [],
    });
    const unchanged = new AccessTokenVerifier({ issuer: provider.issuer, audience: AUDIENCE });
    await expect(unchanged.verify(await sign())).rejects.toBeInstanceOf(InvalidToken);
  });

  it.each<[string, () => Promise<string>]>([
    ['an ID token of a client with the name of the API', () => sign({ nonce: 'n-0S6_WzA2Mj' })],
    ['an ID token with a hash of the access token', () => sign({ at_hash: '77QmUPtjPfzWtF2AnpK9RQ' })],
    ['an ID token without nonce', () => sign({ scope: undefined })],
    ['another audience', () => sign({ aud: 'a-client' })],
    ['another type', () => sign({}, { typ: 'logout+jwt' })],
    [
      'an algorithm outside the settings',
      async () => sign({}, { alg: 'ES256' }, (await generateKeyPair('ES256')).privateKey),
    ],
    [
      'HS256 signed with the public key',
      () => sign({}, { alg: 'HS256' }, createSecretKey(Buffer.from(JSON.stringify(provider.keys[0])))),
    ],
  ])('is rejected with %s', async (_what, make) => {
    await expect(verifier.verify(await make())).rejects.toBeInstanceOf(InvalidToken);
  });
});
