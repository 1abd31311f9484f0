import fc from 'fast-check';
import type { WireRequest } from './fuzz-case';
import { NoAnswer, type WireClient } from './send';
import { hostileParameter } from './values';

/** The issuer has no OpenAPI document, so its addresses and their parameters are listed here. Anyone may send to them. */
const endpoints = [
  {
    method: 'GET',
    path: '/auth',
    parameters: [
      'client_id',
      'redirect_uri',
      'response_type',
      'scope',
      'state',
      'nonce',
      'prompt',
      'max_age',
      'code_challenge',
      'code_challenge_method',
      'resource',
      'response_mode',
      'request',
      'request_uri',
      'claims',
      'login_hint',
      'id_token_hint',
      'ui_locales',
      'acr_values',
    ],
  },
  {
    method: 'POST',
    path: '/token',
    parameters: [
      'grant_type',
      'client_id',
      'client_secret',
      'code',
      'redirect_uri',
      'code_verifier',
      'refresh_token',
      'scope',
      'resource',
      'device_code',
    ],
  },
  {
    method: 'POST',
    path: '/token/introspection',
    parameters: ['token', 'token_type_hint', 'client_id', 'client_secret'],
  },
  { method: 'POST', path: '/token/revocation', parameters: ['token', 'token_type_hint', 'client_id', 'client_secret'] },
  { method: 'POST', path: '/device/auth', parameters: ['client_id', 'scope', 'resource'] },
  { method: 'GET', path: '/device', parameters: ['user_code'] },
  { method: 'POST', path: '/device', parameters: ['user_code', 'xsrf', 'confirm', 'abort'] },
  {
    method: 'GET',
    path: '/session/end',
    parameters: ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'ui_locales'],
  },
  { method: 'POST', path: '/session/end/confirm', parameters: ['xsrf', 'logout'] },
  { method: 'GET', path: '/interaction/x', parameters: ['uid'] },
  { method: 'POST', path: '/interaction/x', parameters: ['token', 'action', 'login', 'password'] },
  { method: 'GET', path: '/.well-known/openid-configuration', parameters: ['x'] },
  { method: 'GET', path: '/jwks', parameters: ['x'] },
] as const;

/** Values with which a request comes further than the first check. */
const likely: Readonly<Record<string, readonly string[]>> = {
  client_id: ['rookery-cli', 'rookery-swagger', 'rookery-machine'],
  client_secret: ['machine-demo-secret'],
  redirect_uri: ['http%3A%2F%2F127.0.0.1%3A8976%2Fcallback'],
  response_type: ['code'],
  grant_type: [
    'authorization_code',
    'refresh_token',
    'client_credentials',
    'urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code',
  ],
  scope: ['openid', 'openid%20orders%3Aread', 'offline_access'],
  code_challenge: ['E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'],
  code_challenge_method: ['S256'],
  response_mode: ['query', 'form_post', 'fragment'],
  prompt: ['none', 'login', 'consent'],
  resource: ['urn%3Arookery%3Aapi'],
  state: ['a-state'],
};

const cookies = [
  '',
  'session=x; session.sig=y',
  'interaction=%00',
  `session=${'x'.repeat(3_000)}`,
  '=;;=',
  'resume=a; interaction=b',
];

/** One request to the issuer: most parameters likely, one or two hostile, some left out or there twice. */
export const issuerRequests: fc.Arbitrary<WireRequest> = fc.oneof(
  ...endpoints.map(({ method, path, parameters }) => {
    const pair = (name: string): fc.Arbitrary<string> => {
      const good = likely[name];
      const hostile = hostileParameter.map((value) => `${name}=${value}`);
      if (good === undefined) {
        return fc.oneof(fc.constant(''), hostile);
      }
      return fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...good).map((value) => `${name}=${value}`) },
        { weight: 1, arbitrary: fc.constant('') },
        { weight: 1, arbitrary: hostile },
        { weight: 1, arbitrary: fc.tuple(hostile, hostile).map((both) => both.join('&')) },
      );
    };
    return fc
      .record({
        pairs: fc.tuple(...parameters.map(pair)),
        cookie: fc.constantFrom(...cookies),
        type: fc.constantFrom(
          'application/x-www-form-urlencoded',
          'application/x-www-form-urlencoded',
          'application/json',
          'text/plain',
          'nonsense',
        ),
        authorization: fc.constantFrom(
          '',
          '',
          'Basic x',
          'Basic cm9va2VyeS1tYWNoaW5lOm1hY2hpbmUtZGVtby1zZWNyZXQ=',
          'Basic OiUwMDo=',
          'Bearer x',
        ),
      })
      .map(({ pairs, cookie, type, authorization }): WireRequest => {
        const sent = pairs.filter((one) => one !== '').join('&');
        const headers = [
          ['accept', 'text/html'],
          ...(cookie === '' ? [] : [['cookie', cookie] as const]),
          ...(authorization === '' ? [] : [['authorization', authorization] as const]),
          ...(method === 'POST' ? [['content-type', type] as const] : []),
        ] as const;
        return method === 'GET'
          ? { method, target: sent === '' ? path : `${path}?${sent}`, headers, body: undefined }
          : { method, target: path, headers, body: sent };
      });
  }),
);

/** What is wrong with the issuer's answer to a request; undefined when nothing is. */
export async function issuerFault(client: WireClient, request: WireRequest): Promise<string | undefined> {
  try {
    const { status, headers, body } = await client.send(request);
    if (status >= 500) {
      return `answered ${status}`;
    }
    if (status === 421) {
      return 'the issuer does not answer to this host, so nothing was tested';
    }
    if (/\bat .+:\d+:\d+|node_modules|QueryFailed|violates|invalid byte sequence/.test(body)) {
      return `${status} shows internals`;
    }
    if (headers['x-content-type-options'] !== 'nosniff') {
      return `${status} comes without nosniff`;
    }
    if (
      headers['content-type']?.startsWith('text/html') === true &&
      !/script-src 'none'|default-src 'none'/.test(String(headers['content-security-policy']))
    ) {
      return `a page of ${status} comes without a policy`;
    }
    return undefined;
  } catch (error) {
    if (error instanceof NoAnswer) {
      return `no answer: ${error.message}`;
    }
    throw error;
  }
}

/** Throws fast-check's report, seed and smallest request in it, at the first wrong answer. */
export async function fuzzIssuer(client: WireClient, seed: number, cases: number): Promise<void> {
  const property = fc.asyncProperty(issuerRequests, async (request) => {
    const fault = await issuerFault(client, request);
    if (fault !== undefined) {
      throw new Error(fault);
    }
  });
  await fc.assert(property, { seed, numRuns: cases, interruptAfterTimeLimit: 600_000 });
}
