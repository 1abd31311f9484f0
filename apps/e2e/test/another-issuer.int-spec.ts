import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { type MutableResponse, type MutableToken, OAuth2Server } from 'oauth2-mock-server';
import * as oidc from 'openid-client';
import { MeView } from '@rookery/contracts';
import { clientOf, problem, read, request } from '../src/client';
import { type Replica, startReplica } from '../src/replica';
import { tokenOf } from '../src/tokens';

const CLIENT_ID = 'a-client-of-theirs';
const AUDIENCE = 'https://shop.example/api';
const CALLBACK = 'http://127.0.0.1:8976/callback';

/** How an issuer makes its access tokens. */
interface Dialect {
  readonly algorithm: 'ES256' | 'RS256';
  readonly accessToken: (token: MutableToken) => void;
  /** What the gateway is told besides issuer and audience. */
  readonly settings: Readonly<Record<string, string>>;
}

const dialects: Readonly<Record<string, Dialect>> = {
  'as RFC 9068 has it': {
    algorithm: 'ES256',
    accessToken: ({ header, payload }) => {
      header['typ'] = 'at+jwt';
      Object.assign(payload, { aud: AUDIENCE, client_id: CLIENT_ID, jti: randomUUID() });
    },
    settings: {},
  },
  'as before RFC 9068': {
    algorithm: 'RS256',
    accessToken: ({ header, payload }) => {
      header['typ'] = 'JWT';
      Object.assign(payload, { aud: AUDIENCE, azp: CLIENT_ID });
    },
    settings: { OIDC_ALGORITHMS: 'RS256', OIDC_TOKEN_TYPE: 'JWT' },
  },
};

/** A provider whose code is not ours and not that of the library which auth stands on, with one user and no pages. */
async function startIssuer({ algorithm, accessToken }: Dialect): Promise<OAuth2Server> {
  const server = new OAuth2Server();
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  await server.issuer.keys.add({ ...(await exportJWK(privateKey)), alg: algorithm, kid: 'a-key-of-theirs' });
  await server.start(0, '127.0.0.1');
  // It says RS256 whatever its keys are.
  server.service.on('beforeWellKnownOpenIdConfiguration', ({ body }: MutableResponse) => {
    if (body !== '') {
      body['id_token_signing_alg_values_supported'] = [algorithm];
    }
  });
  server.service.on('beforeTokenSigning', (token: MutableToken) => {
    // An ID token has its audience already.
    if (token.payload['aud'] === undefined) {
      accessToken(token);
    } else {
      token.header['typ'] = 'JWT';
    }
  });
  return server;
}

/** Authorization code flow with PKCE, as any client does it. */
async function logIn(issuer: string): ReturnType<typeof oidc.authorizationCodeGrant> {
  const client = await oidc.discovery(new URL(issuer), CLIENT_ID, undefined, oidc.None(), {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the issuer under test is plain http on localhost
    execute: [oidc.allowInsecureRequests],
  });
  const [pkceCodeVerifier, expectedState] = [oidc.randomPKCECodeVerifier(), oidc.randomState()];
  const scope = 'openid orders:read orders:write';
  const address = oidc.buildAuthorizationUrl(client, {
    redirect_uri: CALLBACK,
    scope,
    state: expectedState,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  const redirect = await fetch(address, { redirect: 'manual' });
  const callback = new URL(redirect.headers.get('location') ?? '');
  return oidc.authorizationCodeGrant(client, callback, { pkceCodeVerifier, expectedState }, { scope });
}

describe.each(Object.entries(dialects))('an issuer that is not ours, whose tokens are %s', (_name, dialect) => {
  let server: OAuth2Server;
  let gateway: Replica;
  let tokens: Awaited<ReturnType<typeof logIn>>;

  beforeAll(async () => {
    server = await startIssuer(dialect);
    const issuer = server.issuer.url ?? '';
    gateway = await startReplica('gateway', {
      OIDC_ISSUER: issuer,
      OIDC_AUDIENCE: AUDIENCE,
      ...dialect.settings,
    });
    tokens = await logIn(issuer);
  });
  afterAll(async () => {
    await gateway.stop();
    await server.stop();
  });

  it('signs a person in, whom the gateway then knows', async () => {
    const me = await request('GET', '/v1/me', { token: tokens.access_token, gateway: gateway.url });
    expect(read(MeView, me)).toEqual({
      subject: tokens.claims()?.sub,
      clientId: CLIENT_ID,
      scopes: ['openid', 'orders:read', 'orders:write'],
      roles: [],
    });
  });

  it('makes tokens that buy: the order is confirmed, and nobody else sees it', async () => {
    const product = await clientOf(await tokenOf('olga')).addProduct();
    const shopper = clientOf(tokens.access_token, gateway.url);
    const order = await shopper.buy(product.id, 1);
    expect(await shopper.ended(order.id)).toMatchObject({ status: 'Confirmed' });
    // The stack's own gateway believes its own issuer, to whom this order is another's.
    const answer = await request('GET', `/v1/orders/${order.id}`, { token: await tokenOf('alice') });
    expect(answer.status).toBe(404);
  });

  it('leaves no token of our own issuer good', async () => {
    const answer = await request('GET', '/v1/me', { token: await tokenOf('alice'), gateway: gateway.url });
    expect([answer.status, problem(answer).code]).toEqual([401, 'auth.invalid-token']);
  });

  it('makes tokens that are good nowhere else', async () => {
    const answer = await request('GET', '/v1/me', { token: tokens.access_token });
    expect([answer.status, problem(answer).code]).toEqual([401, 'auth.invalid-token']);
  });

  it('makes ID tokens and refresh tokens that open nothing', async () => {
    for (const token of [tokens.id_token, tokens.refresh_token]) {
      expect(token).toBeDefined();
      const answer = await request('GET', '/v1/me', { token, gateway: gateway.url });
      expect([answer.status, problem(answer).code]).toEqual([401, 'auth.invalid-token']);
    }
  });
});
