import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { OrderView } from '@rookery/contracts';
import { demoPassword } from '@rookery/devkit/client/sign-in';
import { repository } from '@rookery/devkit/stack/repository';
import { eventually } from '@rookery/testing';
import { browserPath, NO_BROWSER, openBrowser } from '../src/browser';
import { clientOf } from '../src/client';
import { authUrl, gatewayUrl } from '../src/environment';
import { tokenOf } from '../src/tokens';

/** Where to put a picture of the page with an order placed, seen from the repository's root (docs/images/README.md). */
const screenshotPath = process.env['ROOKERY_SCREENSHOT'];

/** Longest time for one page or one answer to show. */
const SHOWN_MS = 20_000;

if (browserPath === undefined) {
  console.warn(NO_BROWSER);
}
const describeInBrowser = browserPath === undefined ? describe.skip : describe;

async function signIn(page: Page, user: string, password = demoPassword(user)): Promise<void> {
  await page.getByLabel('E-mail address or user name').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** The whole text of an element once it is there. */
async function textOf(element: Locator): Promise<string> {
  return (await element.innerText()).trim();
}

describeInBrowser('in a real browser', () => {
  let browser: Browser;
  let context: BrowserContext;

  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  /** What the browser says of content security policies that were violated, on any page and in any pop-up of a test. */
  const violations: string[] = [];

  async function open(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    context = await browser.newContext(options);
    context.setDefaultTimeout(SHOWN_MS);
    violations.length = 0;
    context.on('console', (message) => {
      if (/content security policy/i.test(message.text())) {
        violations.push(message.text());
      }
    });
    return context.newPage();
  }
  afterEach(async () => {
    await context.close();
    expect(violations).toEqual([]);
  });

  describe('Swagger UI', () => {
    it('logs alice in and places an order that ends Confirmed, with nothing typed but her password', async () => {
      // The first by name, so the one that the page fills in: other specs begin names with digits and letters.
      const name = "'Owlet' nest box, 32 mm";
      await clientOf(await tokenOf('olga')).addProduct({ sku: `NEST-${randomUUID().slice(0, 8)}`, name, stock: 50 });
      const page = await open({ viewport: { width: 1400, height: 1000 } });
      const failures: string[] = [];
      page.on('pageerror', (error) => failures.push(error.message));
      await page.goto(new URL('/docs', gatewayUrl).href);

      await page.getByRole('button', { name: 'Authorize', exact: true }).click();
      const oidc = page.locator('.auth-container', { hasText: 'authorizationCode' });
      const [logIn] = await Promise.all([
        page.waitForEvent('popup'),
        oidc.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click(),
      ]);
      await signIn(logIn, 'alice');
      const allow = logIn.getByRole('button', { name: 'Allow' });
      await allow.waitFor();
      expect(await textOf(logIn.getByRole('main'))).toContain('Rookery API explorer');
      expect(await logIn.getByRole('listitem').locator('small').allInnerTexts()).toEqual([
        'orders:read',
        'orders:write',
      ]);
      await Promise.all([logIn.waitForEvent('close'), allow.click()]);
      await oidc.getByRole('button', { name: 'Remove authorization' }).waitFor();
      await page.locator('.close-modal').click();

      const placing = page.locator('.opblock-post', { hasText: 'Place an order' });
      await placing.locator('.opblock-summary-control').click();
      await placing.getByRole('button', { name: 'Execute' }).click();
      const answer = placing.locator('.live-responses-table .response');
      expect(await textOf(answer.locator('.response-col_status'))).toMatch(/^201\b/);
      const order = OrderView.parse(JSON.parse(await textOf(answer.locator('.highlight-code code').first())));
      expect(order.lines).toMatchObject([{ name, quantity: 1 }]);
      expect(failures).toEqual([]);
      if (screenshotPath !== undefined) {
        await picture(page, placing, join(repository, screenshotPath));
      }

      const alice = clientOf(await tokenOf('alice'));
      expect(await alice.ended(order.id)).toMatchObject({ status: 'Confirmed', reason: null });
    });
  });

  it('Swagger UI opened as 127.0.0.1 goes to the name that the log-in comes back to', async () => {
    const page = await open();
    await page.goto(new URL('/docs', gatewayUrl.replace('localhost', '127.0.0.1')).href);
    await page.waitForURL(new URL('/docs', gatewayUrl).href);
    expect(await textOf(page.getByRole('button', { name: 'Authorize', exact: true }))).toBe('Authorize');
  });

  it.each(['/docs', '/docs/oauth2-redirect.html'])('nothing that was put into %s runs', async (path) => {
    const page = await open();
    await page.goto(new URL(path, gatewayUrl).href);
    for (const script of [
      `const script = document.createElement('script'); script.textContent = 'window.stolen = 1'; document.body.append(script);`,
      `document.body.insertAdjacentHTML('beforeend', '<img src="x" onerror="window.stolen = 1">');`,
      `document.body.insertAdjacentHTML('beforeend', '<iframe srcdoc="<script>parent.stolen = 1</script>"></iframe>');`,
      `fetch('https://evil.example/').catch(() => undefined);`,
    ]) {
      const seen = violations.length;
      await page.evaluate(`(() => { ${script} })()`);
      await eventually(() => expect(violations.length).toBeGreaterThan(seen));
    }
    expect(await page.evaluate('window.stolen')).toBeUndefined();
    violations.length = 0;
  });

  describe('with JavaScript switched off', () => {
    const redirectUri = new URL('/docs/oauth2-redirect.html', gatewayUrl).href;

    /** Where an application sends its user to log in. */
    function logInAddress(changed: Readonly<Record<string, string>> = {}): string {
      const url = new URL('/auth', authUrl);
      url.search = new URLSearchParams({
        client_id: 'rookery-swagger',
        redirect_uri: redirectUri,
        response_type: 'code',
        scope: 'openid orders:read',
        state: 'a-state',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
        ...changed,
      }).toString();
      return url.href;
    }
    const heading = (page: Page) => textOf(page.getByRole('heading', { level: 1 }));
    const alert = (page: Page) => textOf(page.getByRole('alert'));

    it('the log-in and consent pages lead to the application with a code', async () => {
      const page = await open({ javaScriptEnabled: false });
      await page.goto(logInAddress());
      await signIn(page, 'bob', 'not-his-password');
      expect(await alert(page)).toBe('The name or password is incorrect.');
      await signIn(page, 'bob');
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.waitForURL((url) => url.href.startsWith(redirectUri));
      const answer = new URL(page.url()).searchParams;
      expect(answer.get('code')).toMatch(/.{20,}/);
      expect(answer.get('state')).toBe('a-state');
    });

    it('refusing consent leads to the application without a code', async () => {
      const page = await open({ javaScriptEnabled: false });
      await page.goto(logInAddress());
      await signIn(page, 'bob');
      await page.getByRole('button', { name: 'Deny' }).click();
      await page.waitForURL((url) => url.href.startsWith(redirectUri));
      const answer = new URL(page.url()).searchParams;
      expect(answer.get('error')).toBe('access_denied');
      expect(answer.has('code')).toBe(false);
    });

    it('logging out ends the session: the next log-in asks for the password again', async () => {
      const page = await open({ javaScriptEnabled: false });
      await page.goto(logInAddress());
      await signIn(page, 'bob');
      await page.getByRole('button', { name: 'Allow' }).click();
      await page.waitForURL((url) => url.href.startsWith(redirectUri));

      await page.goto(logInAddress());
      expect(page.url()).toContain('code='); // logged in still: no page is shown
      await page.goto(new URL('/session/end', authUrl).href);
      expect(await heading(page)).toBe('Sign out?');
      await page.getByRole('button', { name: 'Sign out' }).click();
      expect(await heading(page)).toBe('You are signed out');
      await page.goto(logInAddress());
      expect(await heading(page)).toBe('Sign in');
    });

    it('an application that is not known gets an error page that says so', async () => {
      const page = await open({ javaScriptEnabled: false });
      const response = await page.goto(logInAddress({ client_id: 'nobody' }));
      expect(response?.status()).toBe(400);
      expect(await heading(page)).toBe('This did not work');
      expect(await alert(page)).toBe('The application that sent you here is unknown.');
    });
  });
});

/** From the title to the body of the answer, without the other tag's operations and the curl command, which has the access token in it. */
async function picture(page: Page, operation: Locator, path: string): Promise<void> {
  await page.locator('.opblock-tag', { hasText: 'Products' }).click();
  await page.locator('.opblock', { hasText: 'List products' }).waitFor({ state: 'detached' });
  await page.addStyleTag({ content: '.curl-command { display: none }' });
  await page.mouse.move(0, 0);
  await page.evaluate('scrollTo(0, 0)');
  const [start, end] = await Promise.all([
    page.locator('.information-container').boundingBox(),
    operation.locator('.live-responses-table .highlight-code').first().boundingBox(),
  ]);
  if (start === null || end === null) {
    throw new Error('the answer is not shown');
  }
  const top = start.y - 16;
  const clip = { x: 0, y: top, width: 1400, height: end.y + end.height + 6 - top };
  await page.screenshot({ path, clip, fullPage: true });
}
