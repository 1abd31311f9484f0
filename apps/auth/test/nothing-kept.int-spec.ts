import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { jest } from '@jest/globals';
import type * as oidc from 'openid-client';
import { z } from 'zod';
import { Clock } from '@rookery/platform';
import { PROVIDER_ROUTES } from '../src/provider/provider-routes';
import { AuthUnderTest, CALLBACK, credentials } from './auth-under-test';
import { type LibraryRoute, routesOfLibrary } from './provider-routes';

const REQUESTS = 2_000;
const MIB = 1_048_576;
const TABLES = ['oidc_payload', 'sign_in_failures', 'users', 'oauth_clients', 'signing_keys'];
/** Requests that take each route as far as possible without a user. */
const AUTHORIZATION = new URLSearchParams({
  client_id: 'rookery-cli',
  redirect_uri: CALLBACK,
  response_type: 'code',
  scope: 'openid',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
  user_code: 'BBBB-BBBB',
  token: 'made-up',
  grant_type: 'refresh_token',
  refresh_token: 'made-up',
  post_logout_redirect_uri: 'http://127.0.0.1:8976/signed-out',
}).toString();
/** Routes that start a process: one row is stored for each request within the limit. */
const BEGINNINGS = new Set(['GET /auth', 'HEAD /auth', 'POST /device/auth']);

setFlagsFromString('--expose-gc');
const collectGarbage = z.custom<() => void>((value) => typeof value === 'function').parse(runInNewContext('gc'));

/** Thousands of requests on a busy machine. */
jest.setTimeout(180_000);

describe('without a sign-in', () => {
  let auth: AuthUnderTest;
  let cli: oidc.Configuration;
  let routes: readonly LibraryRoute[];

  beforeAll(async () => {
    auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '1000000' });
    cli = await auth.client('rookery-cli');
    const library = await routesOfLibrary(auth);
    const ours = ['GET', 'HEAD', 'POST'].map((method) => ({ method, path: '/interaction/:uid' }));
    routes = [...library, ...ours];
  });
  afterAll(() => auth.stop());

  const kept = async (): Promise<number> => {
    const counts = TABLES.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ');
    const [row] = await auth.database.query<{ kept: number }>(`SELECT (${counts})::int AS kept`);
    return row?.kept ?? -1;
  };
  const send = async ({ method, path }: LibraryRoute, index: number, cookie = ''): Promise<Response> => {
    const address = path.replace(':uid', `made-up-${index}`);
    const isGet = method === 'GET' || method === 'HEAD';
    const response = await fetch(`${auth.issuer}${address}${isGet ? `?${AUTHORIZATION}` : ''}`, {
      method,
      redirect: 'manual',
      headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', cookie },
      ...(method === 'POST' ? { body: AUTHORIZATION } : {}),
    });
    await response.arrayBuffer();
    return response;
  };
  const sendMany = async (requests: number, cookieOf: () => string): Promise<readonly number[]> => {
    const quiet = routes.filter(({ method, path }) => !BEGINNINGS.has(`${method} ${path}`));
    expect(quiet.length).toBeGreaterThan(20);
    const statuses: number[] = [];
    for (let index = 0; index < requests; index += 20) {
      const batch = Array.from({ length: 20 }, (_, place) => index + place);
      const answers = await Promise.all(
        batch.map((number) => send(quiet[number % quiet.length] ?? { method: 'GET', path: '/' }, number, cookieOf())),
      );
      statuses.push(...answers.map(({ status }) => status));
    }
    return statuses;
  };
  const cookiesOf = (response: Response): string =>
    response.headers
      .getSetCookie()
      .map((line) => line.split(';', 1).join(''))
      .filter((pair) => !pair.endsWith('='))
      .join('; ');

  it('only the routes that start a log-in store anything, and memory stays bounded', async () => {
    await sendMany(200, () => '');
    const before = await kept();
    collectGarbage();
    const heapBefore = process.memoryUsage().heapUsed;
    const statuses = await sendMany(REQUESTS, () => '');
    collectGarbage();
    expect(await kept()).toBe(before);
    expect((process.memoryUsage().heapUsed - heapBefore) / MIB).toBeLessThan(16);
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
  });

  it('nothing is stored for the cookie of an ended session', async () => {
    const { browser } = await auth.logIn(cli, 'alice');
    const cookie = ['session', 'session.sig'].map((name) => `${name}=${browser.cookie(name) ?? ''}`).join('; ');
    await auth.database.query(`DELETE FROM oidc_payload WHERE model = 'Session'`);
    const before = await kept();
    await sendMany(200, () => cookie);
    expect(await kept()).toBe(before);
  });

  it('nothing is stored for a browser that returns its cookies', async () => {
    const first = cookiesOf(await send({ method: 'GET', path: '/device' }, 0));
    const before = await kept();
    await sendMany(200, () => first);
    expect(await kept()).toBe(before);
  });

  it('one row is stored per started log-in, of bounded size, however often its page is opened', async () => {
    const before = await kept();
    const { browser, page } = await auth.authorize(cli);
    for (let again = 0; again < 10; again += 1) {
      await browser.open(page.url);
    }
    expect(await kept()).toBe(before + 1);
    const body = `client_id=rookery-cli&scope=openid&nonce=${'x'.repeat(50_000)}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await fetch(`${auth.issuer}/device/auth`, { method: 'POST', headers, body })).status).toBe(400);
    expect(await kept()).toBe(before + 1);
  });

  it('one more row is stored for all forms of a log-in, and invalid ones leave nothing', async () => {
    await auth.database.query(`DELETE FROM oidc_payload WHERE model = 'FormToken'`);
    const { browser, page: first } = await auth.authorize(cli);
    const before = await kept();
    for (let again = 0; again < 5; again += 1) {
      await browser.submit(first, { token: `made-up-${again}`, ...credentials('x') });
    }
    expect(await kept()).toBe(before);
    let page = first;
    for (let again = 0; again < 5; again += 1) {
      page = await browser.submit(page, { action: 'unknown', login: '' });
    }
    const forms = await auth.database.query(`SELECT 1 FROM oidc_payload WHERE model = 'FormToken'`);
    expect(forms).toHaveLength(1);
  });
});

describe('the routes of this service', () => {
  it('are those of the library, with the same methods', async () => {
    const auth = await AuthUnderTest.start();
    try {
      const ours = PROVIDER_ROUTES.flatMap(({ methods, path }) => methods.map((method) => `${method} ${path}`));
      const library = (await routesOfLibrary(auth)).map(({ method, path }) => `${method} ${path}`);
      expect(ours.sort()).toEqual(library.sort());
    } finally {
      await auth.stop();
    }
  });
});

describe('an address beyond its limit', () => {
  it('is rejected at every route of the provider and of the log-in pages', async () => {
    const auth = await AuthUnderTest.start({ TOKEN_LIMIT_PER_MINUTE: '3' });
    // Keeps the window open, however slow the machine is.
    const clock = jest.spyOn(auth.app.get(Clock), 'now').mockReturnValue(new Date());
    try {
      const library = await routesOfLibrary(auth);
      const uncounted: string[] = [];
      for (const { method, path } of [...library, { method: 'GET', path: '/interaction/:uid' }]) {
        const address = `${auth.issuer}${path.replace(':uid', 'x')}`;
        const statuses = [];
        for (let index = 0; index < 31; index += 1) {
          statuses.push((await fetch(address, { method, redirect: 'manual' })).status);
        }
        if (statuses.at(-1) !== 429) {
          uncounted.push(`${method} ${path}`);
        }
      }
      expect(uncounted).toEqual([]);
      const nowhere = [];
      for (const path of ['/device/a/b/c', '/nowhere', '/favicon.ico', '/v1/products']) {
        for (let index = 0; index < 4; index += 1) {
          nowhere.push((await fetch(`${auth.issuer}${path}`)).status);
        }
        expect(nowhere.at(-1)).toBe(429);
      }
      expect((await fetch(`${auth.issuer}/livez`)).status).toBe(200);
    } finally {
      clock.mockRestore();
      await auth.stop();
    }
  });
});
