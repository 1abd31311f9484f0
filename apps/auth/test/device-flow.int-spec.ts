import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import * as jose from 'jose';
import * as oidc from 'openid-client';
import { z } from 'zod';
import { createService } from '@rookery/platform';
import { rawRequest } from '@rookery/testing';
import { auth as authService } from '../src/auth';
import { AuthUnderTest, credentials } from './auth-under-test';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
const OAuthError = z.object({ error: z.string() });
const Address = z.object({ port: z.number() });

describe('the device flow', () => {
  let auth: AuthUnderTest;
  let cli: oidc.Configuration;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
    cli = await auth.client('rookery-cli');
  });
  afterAll(() => auth.stop());

  const begin = () => oidc.initiateDeviceAuthorization(cli, { scope: 'openid offline_access orders:read' });
  const poll = (device: Awaited<ReturnType<typeof begin>>) =>
    oidc.pollDeviceAuthorizationGrant(cli, { ...device, interval: 0.05 }, undefined, {
      signal: AbortSignal.timeout(5_000),
    });

  it('signs a device in with the code that the person enters in a browser', async () => {
    const device = await begin();
    const browser = auth.browser();
    const form = await browser.open(device.verification_uri);
    const confirm = await browser.submit(form, { user_code: device.user_code.toLowerCase() });
    expect(confirm.text).toContain(device.user_code);
    const signIn = await browser.submit(confirm, {});
    const done = await browser.submit(signIn, credentials('alice'));
    expect(done.text).toContain('Device connected');

    const tokens = await poll(device);
    expect(jose.decodeJwt(tokens.access_token)).toMatchObject({
      aud: 'rookery-api',
      scope: 'orders:read',
      roles: ['customer'],
    });
    expect(tokens.refresh_token).toEqual(expect.any(String));
    await expect(poll(device)).rejects.toMatchObject({ error: 'invalid_grant' });
  });

  it('accepts the code in the URL too, with a button and no script', async () => {
    const device = await begin();
    const browser = auth.browser();
    const step = await browser.open(device.verification_uri_complete ?? '');
    expect(step.text).not.toContain('<script');
    const confirm = await browser.submit(step, {});
    expect(confirm.text).toContain(device.user_code);
  });

  it('tells the device when the person denies access', async () => {
    const device = await begin();
    const browser = auth.browser();
    const confirm = await browser.submit(await browser.open(device.verification_uri), { user_code: device.user_code });
    const page = await browser.submit(confirm, { abort: 'yes' });
    expect(page.text).toContain('The device was not connected.');
    await expect(poll(device)).rejects.toMatchObject({ error: 'access_denied' });
  });

  it('reports an unknown code as invalid, and keeps the form', async () => {
    const browser = auth.browser();
    const page = await browser.submit(await browser.open('/device'), { user_code: 'BBBB-BBBB' });
    expect(page.text).toContain('role="alert"');
    expect(page.text).toContain('This code is not valid');
    expect(page.text).toContain('name="user_code"');
  });

  it('tells a device that polls more often than every five seconds to slow down, by five more each time, on every replica', async () => {
    const device = await begin();
    expect(device.interval).toBe(5);
    const replica = await createService(authService.options(auth.config));
    try {
      await replica.listen({ port: 0, host: '127.0.0.1' });
      const body = () =>
        new URLSearchParams({ grant_type: DEVICE_CODE, client_id: 'rookery-cli', device_code: device.device_code });
      const ask = async (app: NestFastifyApplication): Promise<unknown> => {
        const { port } = Address.parse(app.getHttpServer().address());
        const { status, body: text } = await rawRequest(
          `http://127.0.0.1:${port}`,
          [
            'POST /token HTTP/1.1',
            `host: ${new URL(auth.issuer).host}`,
            'connection: close',
            'content-type: application/x-www-form-urlencoded',
            `content-length: ${body().toString().length}`,
            '',
            body().toString(),
          ].join('\r\n'),
        );
        expect(status).toBe(400);
        return OAuthError.parse(JSON.parse(text)).error;
      };
      const secondsPass = (seconds: number) =>
        auth.database.query(
          `UPDATE oidc_payload SET polled_at = polled_at - make_interval(secs => $1) WHERE model = 'DeviceCode'`,
          [seconds],
        );
      expect(await ask(auth.app)).toBe('authorization_pending');
      expect(await ask(replica)).toBe('slow_down');
      await secondsPass(6);
      expect(await ask(auth.app)).toBe('slow_down');
      await secondsPass(16);
      expect(await ask(replica)).toBe('authorization_pending');
      const parallel = await Promise.all([ask(auth.app), ask(replica), ask(auth.app)]);
      expect(parallel).toEqual(['slow_down', 'slow_down', 'slow_down']);
    } finally {
      await replica.close();
    }
  });

  it('tells a device that polled too often the decision as soon as it is made', async () => {
    const device = await begin();
    const once = () => oidc.genericGrantRequest(cli, DEVICE_CODE, { device_code: device.device_code });
    await expect(once()).rejects.toMatchObject({ error: 'authorization_pending' });
    await expect(once()).rejects.toMatchObject({ error: 'slow_down' });
    const browser = auth.browser();
    const confirm = await browser.submit(await browser.open(device.verification_uri), { user_code: device.user_code });
    await browser.submit(await browser.submit(confirm, {}), credentials('alice'));
    expect((await once()).access_token).toEqual(expect.any(String));
  });

  it('works for a person who is already signed in', async () => {
    const device = await begin();
    const { browser } = await auth.logIn(cli, 'alice');
    const confirm = await browser.submit(await browser.open(device.verification_uri), { user_code: device.user_code });
    const done = await browser.submit(confirm, {});
    expect(done.text).toContain('Device connected');
    expect((await poll(device)).access_token).toEqual(expect.any(String));
  });

  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
  const spellings = [
    '/device',
    '/device/',
    '/device/auth',
    '/device/auth/',
    '/DEVICE/AUTH',
    '/Device/',
    '/device/x',
    '/device/x/',
    '/device/x/y',
    '/device//',
    '/device/%00',
    '/device/%',
    '/device?x',
    '/device/auth?user_code=x',
    '/device;x',
  ];
  it.each(spellings)(
    'answers every method at %s with a page or an OAuth error, never with a server error',
    async (path) => {
      for (const method of methods) {
        for (const cookie of ['', 'session=unknown; session.sig=forged']) {
          const response = await fetch(`${auth.issuer}${path}`, { method, redirect: 'manual', headers: { cookie } });
          const what = `${method} ${path} ${response.status}`;
          expect([what, response.status < 500]).toEqual([what, true]);
          expect([what, response.headers.get('x-content-type-options')]).toEqual([what, 'nosniff']);
          expect([what, response.headers.get('content-security-policy')]).not.toEqual([what, null]);
          expect([what, response.headers.get('content-type') ?? '']).not.toEqual([
            what,
            expect.stringContaining('text/plain'),
          ]);
        }
      }
    },
  );

  it.each([
    ['GET', '/device/auth'],
    ['HEAD', '/device/auth'],
    ['GET', '/device/auth/'],
    ['PUT', '/device'],
  ])('answers %s %s with 405, a page and the allowed methods', async (method, path) => {
    const response = await fetch(`${auth.issuer}${path}`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('content-type')).toContain('text/html');
    expect(response.headers.get('allow')).toContain('POST');
  });

  // A poll that comes second revokes the grant, as of a stolen code (RFC 6749 section 4.1.2). It may do so before the first has its tokens.
  it('issues tokens to at most one of many parallel polls', async () => {
    const device = await begin();
    const browser = auth.browser();
    const confirm = await browser.submit(await browser.open(device.verification_uri), { user_code: device.user_code });
    await browser.submit(await browser.submit(confirm, {}), credentials('bob'));
    const body = () =>
      new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
        client_id: 'rookery-cli',
        device_code: device.device_code,
      });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => fetch(`${auth.issuer}/token`, { method: 'POST', body: body() })),
    );
    const issued = answers.filter((answer) => answer.status === 200);
    const refused = await Promise.all(
      answers.filter((answer) => !issued.includes(answer)).map((answer) => answer.text()),
    );
    expect(issued.length).toBeLessThanOrEqual(1);
    expect(refused.filter((text) => !text.includes('"invalid_grant"'))).toEqual([]);
  });
});
