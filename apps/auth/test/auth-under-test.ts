import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import * as oidc from 'openid-client';
import { configureLogger, createService } from '@rookery/platform';
import { internalKeys, type TestBroker, testBroker, testDatabase, type TestDatabase } from '@rookery/testing';
import { auth } from '../src/auth';
import { AuthConfig } from '../src/auth.config';
import { authDatabase } from '../src/data-source';
import { Browser, type Page } from './browser';

/** Checking passwords is slow by design, and slower on a busy machine. */
jest.setTimeout(30_000);

export const MACHINE_SECRET = 'the-secret-of-the-test-machine';
export const CALLBACK = 'http://127.0.0.1:8976/callback';
export const ALL_SCOPES =
  'openid profile email offline_access orders:read orders:write catalog:write ops:read ops:write';
export const SWAGGER_CALLBACK = 'http://localhost:3000/docs/oauth2-redirect.html';

/** The whole auth service on a real Postgres and a real NATS, with its own issuer. */
export class AuthUnderTest {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly config: AuthConfig,
    readonly database: TestDatabase,
    readonly broker: TestBroker,
  ) {}

  static async start(overrides: Readonly<Record<string, string>> = {}): Promise<AuthUnderTest> {
    const port = overrides['PORT'] ?? (await freePort());
    const database = await testDatabase('auth', authDatabase({ DATABASE_URL: '', DATABASE_POOL_SIZE: 1 }));
    const broker = await testBroker();
    const config = AuthConfig.parse({
      PORT: String(port),
      DATABASE_URL: database.url,
      ...broker.envOf('auth'),
      INTERNAL_JWKS: (await internalKeys()).jwksSetting,
      OIDC_ISSUER: `http://localhost:${port}`,
      KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
      COOKIE_KEYS: randomBytes(32).toString('base64url'),
      LOG_LEVEL: 'silent',
      DEMO: 'true',
      DEMO_MACHINE_SECRET: MACHINE_SECRET,
      ...overrides,
    });
    configureLogger('auth', config.LOG_LEVEL);
    const app = await createService(auth.options(config));
    await app.listen({ port: config.PORT, host: '127.0.0.1' });
    await app.startAllMicroservices();
    return new AuthUnderTest(app, config, database, broker);
  }

  async stop(): Promise<void> {
    await this.app.close();
    await this.database.drop();
    await this.broker.close();
  }

  get issuer(): string {
    return this.config.OIDC_ISSUER;
  }

  browser(): Browser {
    return new Browser(this.issuer);
  }

  /** The real client library, configured by discovery. */
  client(clientId: string, secret = MACHINE_SECRET): Promise<oidc.Configuration> {
    const authentication = clientId === 'rookery-machine' ? oidc.ClientSecretBasic(secret) : oidc.None();
    return oidc.discovery(new URL(this.issuer), clientId, undefined, authentication, {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the issuer under test is plain http on localhost
      execute: [oidc.allowInsecureRequests],
    });
  }

  /** Starts a code flow and returns its first page. */
  async authorize(client: oidc.Configuration, options: AuthorizeOptions = {}): Promise<Attempt> {
    const verifier = oidc.randomPKCECodeVerifier();
    const { browser = this.browser(), scope = ALL_SCOPES, redirectUri = CALLBACK, parameters = {} } = options;
    const url = oidc.buildAuthorizationUrl(client, {
      redirect_uri: redirectUri,
      scope,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...parameters,
    });
    return { browser, verifier, page: await browser.open(url) };
  }

  /** Submits the sign-in page of a new code flow; the page ends at the callback after a success. */
  async submitSignIn(client: oidc.Configuration, login: string, password?: string): Promise<Page> {
    const { browser, page } = await this.authorize(client);
    return browser.submit(page, credentials(login, password));
  }

  /** Whether these credentials sign a person in. */
  async canSignIn(login: string, password?: string): Promise<boolean> {
    const page = await this.submitSignIn(await this.client('rookery-cli'), login, password);
    return page.url.startsWith(CALLBACK);
  }

  /** The complete code flow of a person. */
  async logIn(client: oidc.Configuration, user: string, options: AuthorizeOptions = {}): Promise<LoggedIn> {
    const attempt = await this.authorize(client, options);
    let page = await attempt.browser.submit(attempt.page, credentials(user));
    if (page.text.includes('Allow access')) {
      page = await attempt.browser.submit(page, { action: 'continue' });
    }
    const callback = new URL(page.url);
    const redeem = () => oidc.authorizationCodeGrant(client, callback, { pkceCodeVerifier: attempt.verifier });
    return { ...attempt, page, redeem };
  }
}

export interface AuthorizeOptions {
  readonly browser?: Browser;
  readonly scope?: string;
  readonly redirectUri?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface Attempt {
  readonly browser: Browser;
  readonly verifier: string;
  readonly page: Page;
}

export interface LoggedIn extends Attempt {
  /** Exchanges the code for tokens. */
  redeem(): ReturnType<typeof oidc.authorizationCodeGrant>;
}

export const credentials = (login: string, password = `${login}-demo-password`) => ({
  login,
  password,
  action: 'continue',
});

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') {
    throw new Error('no port');
  }
  return address.port;
}
