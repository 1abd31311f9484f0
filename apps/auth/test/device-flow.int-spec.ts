import * as jose from 'jose';
import * as oidc from 'openid-client';
import { AuthUnderTest, credentials } from './auth-under-test';

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

  it('signs a device in with the code that the person types elsewhere', async () => {
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

  it('takes the code from the address too, with a press of a button and no script', async () => {
    const device = await begin();
    const browser = auth.browser();
    const step = await browser.open(device.verification_uri_complete ?? '');
    expect(step.text).not.toContain('<script');
    const confirm = await browser.submit(step, {});
    expect(confirm.text).toContain(device.user_code);
  });

  it('tells the device when the person refuses', async () => {
    const device = await begin();
    const browser = auth.browser();
    const confirm = await browser.submit(await browser.open(device.verification_uri), { user_code: device.user_code });
    const page = await browser.submit(confirm, { abort: 'yes' });
    expect(page.text).toContain('The device was not connected.');
    await expect(poll(device)).rejects.toMatchObject({ error: 'access_denied' });
  });

  it('says of an unknown code that it is not valid, and keeps the form', async () => {
    const browser = auth.browser();
    const page = await browser.submit(await browser.open('/device'), { user_code: 'BBBB-BBBB' });
    expect(page.text).toContain('role="alert"');
    expect(page.text).toContain('This code is not valid');
    expect(page.text).toContain('name="user_code"');
  });

  it('gives tokens to one of many parallel polls', async () => {
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
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
  });
});
