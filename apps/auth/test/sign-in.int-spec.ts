import { createHash } from 'node:crypto';
import type * as oidc from 'openid-client';
import { AuthUnderTest, CALLBACK, credentials } from './auth-under-test';
import { aheadBy } from './clock-ahead';

const HOSTILE = `"><script>alert('x')</script>`;

describe('the sign-in pages', () => {
  let auth: AuthUnderTest;
  let cli: oidc.Configuration;

  beforeAll(async () => {
    auth = await AuthUnderTest.start();
    cli = await auth.client('rookery-cli');
  });
  beforeEach(() => auth.database.query('DELETE FROM sign_in_failures'));
  afterAll(() => auth.stop());

  it('run no script, cannot be framed or stored, and allow the form to lead to this client only', async () => {
    const { page } = await auth.authorize(cli);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(page.text).not.toContain('<script');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'none'");
    expect(policy).toContain("form-action 'self' http://127.0.0.1:8976");
    const style = /<style>([^<]*)<\/style>/u.exec(page.text)?.[1] ?? '';
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(page.headers.get('x-frame-options')).toBe('DENY');
    expect(page.headers.get('cache-control')).toBe('no-store');
  });

  it('give the same alert for a wrong password and an unknown name', async () => {
    const pages = await Promise.all(
      ['alice', 'nobody-at-all'].map(async (login) => {
        const page = await auth.submitSignIn(cli, login, 'wrong-password-1');
        return { status: page.status, alert: /role="alert">[^<]*/u.exec(page.text)?.[0] };
      }),
    );
    expect(pages[0]).toEqual({ status: 401, alert: 'role="alert">The name or password is incorrect.' });
    expect(pages[1]).toEqual(pages[0]);
  });

  it('show hostile input as text', async () => {
    const attempt = await auth.authorize(cli);
    const page = await attempt.browser.submit(attempt.page, credentials(HOSTILE, 'wrong-password-1'));
    expect(page.text).not.toContain('<script>');
    expect(page.text).toContain('&lt;script&gt;');
    const query = new URLSearchParams({
      client_id: HOSTILE,
      redirect_uri: HOSTILE,
      response_type: HOSTILE,
      state: HOSTILE,
    });
    const error = await attempt.browser.open(`/auth?${query.toString()}`);
    expect(error.status).toBe(400);
    expect(error.text).not.toContain('alert(');
    const device = await attempt.browser.submit(await attempt.browser.open('/device'), { user_code: HOSTILE });
    expect(device.text).not.toContain('<script>');
  });

  it('accept a form once, and only from the browser it was shown to', async () => {
    const attempt = await auth.authorize(cli);
    await attempt.browser.submit(attempt.page, credentials('alice', 'wrong-password-1'));
    const replayed = await attempt.browser.submit(attempt.page, credentials('alice'));
    expect(replayed.status).toBe(403);

    const victim = await auth.authorize(cli);
    const elsewhere = await auth.browser().submit(victim.page, credentials('alice'));
    expect(elsewhere.status).toBe(400);
    expect(elsewhere.text).toContain('expired');
  });

  it('slow down guessing at one account, even with the correct password, and say when to retry', async () => {
    const { browser, page: first } = await auth.authorize(cli);
    let page = first;
    for (let guess = 0; guess < 5; guess += 1) {
      page = await browser.submit(page, credentials('bob', `wrong-password-${guess}`));
    }
    expect(page.status).toBe(401);
    const slowed = await browser.submit(page, credentials('bob'));
    expect(slowed.status).toBe(429);
    expect(Number(slowed.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(slowed.text).toContain('Too many attempts');
    const byOtherName = await browser.submit(slowed, credentials('bob@example.com', 'wrong-password-6'));
    expect(byOtherName.status).toBe(429);

    const other = await browser.submit(byOtherName, credentials('alice'));
    expect(other.url.startsWith(CALLBACK)).toBe(true);
  });

  it('slow down parallel guesses too', async () => {
    const attempts = await Promise.all(Array.from({ length: 15 }, () => auth.authorize(cli)));
    const pages = await Promise.all(
      attempts.map(({ browser, page }) => browser.submit(page, credentials('alice', 'wrong-password-1'))),
    );
    const tried = pages.filter((page) => page.status === 401).length;
    const refused = pages.filter((page) => page.status === 429).length;
    expect(tried + refused).toBe(15);
    expect(tried).toBeGreaterThanOrEqual(5);
    // The following waits of 1 s and 2 s may end before a busy machine has checked all attempts.
    expect(tried).toBeLessThanOrEqual(7);
  });

  it('do not count a rejected attempt, neither for the account nor again for the address', async () => {
    const { browser, page: first } = await auth.authorize(cli);
    let page = await browser.submit(first, credentials('someone', 'wrong-password-1'));
    await auth.database.query(
      `UPDATE sign_in_failures SET failures = 101, blocked_until = now() + interval '1 minute'`,
    );
    const state = () => auth.database.query('SELECT * FROM sign_in_failures ORDER BY subject');
    const before = await state();
    for (let guess = 0; guess < 8; guess += 1) {
      page = await browser.submit(page, credentials(guess % 2 === 0 ? 'alice' : 'bob', 'wrong-password-1'));
      expect(page.status).toBe(429);
    }
    expect(await state()).toEqual(before);

    await auth.database.query(`UPDATE sign_in_failures SET blocked_until = 'epoch' WHERE failures = 101`);
    await auth.database.query('DELETE FROM sign_in_failures');
    for (let guess = 0; guess < 6; guess += 1) {
      page = await browser.submit(page, credentials('bob', 'wrong-password-1'));
    }
    await auth.database.query(
      `UPDATE sign_in_failures SET blocked_until = now() + interval '1 minute' WHERE failures = 5 AND blocked_until > 'epoch'`,
    );
    const waiting = await state();
    page = await browser.submit(page, credentials('bob'));
    expect(page.status).toBe(429);
    expect(await state()).toEqual(waiting);
  });

  it('block by the database’s clock, whatever the process’s clock shows', async () => {
    const { browser, page: first } = await auth.authorize(cli);
    const page = await browser.submit(first, credentials('bob', 'wrong-password-1'));
    await auth.database.query(`UPDATE sign_in_failures SET failures = 5, blocked_until = now() + interval '1 minute'`);
    const clock = aheadBy(70_000, auth);
    try {
      const refused = await browser.submit(page, credentials('bob'));
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(30);
      expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
    } finally {
      clock.restore();
    }
  });

  it('slow down one address that tries many accounts', async () => {
    const { browser, page: first } = await auth.authorize(cli);
    let page = first;
    for (let guess = 0; guess < 5; guess += 1) {
      page = await browser.submit(page, credentials(`someone-${guess}`, 'wrong-password-1'));
    }
    // Five accounts and one address so far; 95 more attempts would take too long.
    await auth.database.query('UPDATE sign_in_failures SET failures = 99 WHERE failures = 5');
    page = await browser.submit(page, credentials('someone-5', 'wrong-password-1'));
    expect(page.status).toBe(401);
    const slowed = await browser.submit(page, credentials('someone-else', 'wrong-password-1'), {
      'x-forwarded-for': '203.0.113.7',
    });
    expect(slowed.status).toBe(429);
  });

  it.each([
    '/auth?client_id=%00',
    `/auth?client_id=rookery-cli&state=%00`,
    '/device?user_code=%00',
    '/session/end?client_id=%00',
  ])('answer %s without a server error', async (path) => {
    const page = await auth.browser().open(path);
    expect(page.status).toBeLessThan(500);
  });

  // Found by the fuzzer: it was a server error.
  it.each([
    ['POST', '/device', 'xsrf='],
    ['POST', '/device', 'user_code=ABCD-EFGH&xsrf=x'],
    ['GET', '/device/no-such-step', undefined],
    ['POST', '/session/end/confirm', 'xsrf='],
  ])('answer %s %s from a browser without a session with a page', async (method, path, body) => {
    for (const cookie of ['', 'session=unknown; session.sig=forged']) {
      const response = await fetch(`${auth.issuer}${path}`, {
        method,
        redirect: 'manual',
        headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded', cookie },
        ...(body === undefined ? {} : { body }),
      });
      expect(response.status).toBe(400);
      expect(response.headers.get('content-security-policy')).toContain("script-src 'none'");
      expect(await response.text()).toContain('role="alert"');
    }
  });

  it('answer U+0000 in what they store and look up with 4xx', async () => {
    const { browser, page } = await auth.authorize(cli, { parameters: { state: 'a\u0000b' } });
    expect(page.status === 0 ? new URL(page.url).searchParams.get('error') : page.status).toBe('invalid_request');
    const attempt = await auth.authorize(cli, { browser });
    expect((await attempt.browser.submit(attempt.page, credentials('a\u0000b'))).status).toBe(401);
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'rookery-cli',
      refresh_token: 'a\u0000b',
    });
    expect((await fetch(`${auth.issuer}/token`, { method: 'POST', body })).status).toBe(400);
  });
});

it('slow down an attacker who changes the IPv6 address within a network', async () => {
  const auth = await AuthUnderTest.start({ TRUST_PROXY: '127.0.0.0/8,::1' });
  try {
    const { browser, page: first } = await auth.authorize(await auth.client('rookery-cli'));
    const guess = (page: typeof first, login: string, address: string) =>
      browser.submit(page, credentials(login, 'wrong-password-1'), { 'x-forwarded-for': address });
    const page = await guess(first, 'someone-0', '2001:db8:1:2::1');
    await auth.database.query(
      "UPDATE sign_in_failures SET failures = 101, blocked_until = now() + interval '1 minute'",
    );
    const slowed = await guess(page, 'someone-1', '2001:db8:1:2:ffff::2');
    expect(slowed.status).toBe(429);
    expect((await guess(slowed, 'someone-2', '2001:db8:1:3::1')).status).toBe(401);
  } finally {
    await auth.stop();
  }
});
