import * as oidc from 'openid-client';
import { AuthUnderTest } from './auth-under-test';

const AFTERWARDS = 'http://127.0.0.1:8976/signed-out';

describe('signing out', () => {
  let auth: AuthUnderTest;
  let cli: oidc.Configuration;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
    cli = await auth.client('rookery-cli');
  });
  afterAll(() => auth.stop());

  const signedOut = async () => {
    const { browser } = await auth.logIn(cli, 'bob');
    await browser.submit(await browser.open('/session/end'), { logout: 'yes' });
    return browser;
  };

  it('ends the session, revokes its grants, and returns to the client', async () => {
    const session = await auth.logIn(cli, 'alice');
    const tokens = await session.redeem();
    const url = oidc.buildEndSessionUrl(cli, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: AFTERWARDS,
      state: 'xyz',
    });
    const question = await session.browser.open(url);
    expect(question.text).toContain('Sign out?');
    const left = await session.browser.submit(question, { logout: 'yes' });
    expect(left.url).toBe(`${AFTERWARDS}?state=xyz`);

    await expect(oidc.refreshTokenGrant(cli, tokens.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    });
    const again = await auth.authorize(cli, { browser: session.browser });
    expect(again.page.text).toContain('name="password"');
  });

  it('shows its own page without a return address', async () => {
    const session = await auth.logIn(cli, 'bob');
    const question = await session.browser.open('/session/end');
    const page = await session.browser.submit(question, { logout: 'yes' });
    expect(page.text).toContain('You are signed out');
  });

  it('reports that no one was signed in, without a button', async () => {
    for (const browser of [auth.browser(), await signedOut()]) {
      const page = await browser.open('/session/end');
      expect([page.status, page.text.includes('You are signed out')]).toEqual([200, true]);
      expect(page.text).toContain('No one was signed in');
      expect(page.text).not.toContain('<form');
    }
  });

  it('returns to the client immediately when no one was signed in', async () => {
    const parameters = { client_id: 'rookery-cli', post_logout_redirect_uri: AFTERWARDS, state: 'a b' };
    const page = await auth.browser().open(`/session/end?${new URLSearchParams(parameters).toString()}`);
    expect(page.url).toBe(`${AFTERWARDS}?state=a+b`);
  });

  it('does not return to an address that is not registered', async () => {
    const session = await auth.logIn(cli, 'bob');
    const page = await session.browser.open(
      `/session/end?${new URLSearchParams({ client_id: 'rookery-cli', post_logout_redirect_uri: 'https://evil.example/' }).toString()}`,
    );
    expect(page.status).toBe(400);
    expect(page.text).not.toContain('evil.example');
  });
});
