import { createHash, randomBytes } from 'node:crypto';
import { type DefaultTreeAdapterTypes as Html, parse } from 'parse5';
import { CookieJar } from 'tough-cookie';
import { z } from 'zod';
import { UserError } from '../terminal/user-error';

/** The command line's own OAuth client: public, code flow with PKCE, loopback redirect (RFC 8252). */
const CLIENT_ID = 'rookery-cli';
const REDIRECT_URI = 'http://127.0.0.1:8976/callback';
/** Pages of one log-in, redirects counted. */
const MAX_STEPS = 20;
const NOT_SHOWN = new Set(['head', 'script', 'style']);

export interface SignInOptions {
  readonly issuer: string;
  readonly login: string;
  readonly password: string;
  /** Separated by spaces; the provider leaves out scopes that the user may not have. */
  readonly scope?: string;
  readonly clientId?: string;
  readonly redirectUri?: string;
}

/** The answer of the token endpoint. */
export const Tokens = z.object({
  access_token: z.string(),
  token_type: z.string(),
  expires_in: z.number().optional(),
  scope: z.string().optional(),
  refresh_token: z.string().optional(),
  id_token: z.string().optional(),
});
export type Tokens = z.infer<typeof Tokens>;

const Metadata = z.object({ authorization_endpoint: z.url(), token_endpoint: z.url() });

/** The sign-in did not end with a token. The message says where and why. */
export class SignInFailed extends UserError {}

export const ALL_SCOPES = 'openid catalog:write orders:read orders:write ops:read ops:write';

/** Password of the demo users of the embedded stack. */
export const demoPassword = (user: string): string => `${user}-demo-password`;

/**
 * Signs a user in as a browser would: authorization code flow with PKCE, the real pages fetched and their forms posted.
 * @throws {SignInFailed} for example on a wrong password
 */
export async function signIn(options: SignInOptions): Promise<Tokens> {
  const { issuer, clientId = CLIENT_ID, redirectUri = REDIRECT_URI, scope = ALL_SCOPES } = options;
  const metadata = Metadata.parse(await (await get(`${issuer}/.well-known/openid-configuration`)).json());
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const authorization = new URL(metadata.authorization_endpoint);
  authorization.search = new URLSearchParams({
    client_id: clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope,
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString();

  const callback = await new Browser().follow(authorization, redirectUri, options);
  if (callback.searchParams.get('state') !== state) {
    throw new SignInFailed('the provider answered with another state');
  }
  const error = callback.searchParams.get('error');
  if (error !== null) {
    throw new SignInFailed(`${error}: ${callback.searchParams.get('error_description') ?? ''}`);
  }

  const response = await get(metadata.token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      client_id: clientId,
      code_verifier: verifier,
    }),
  });
  const body: unknown = await response.json();
  const tokens = Tokens.safeParse(body);
  if (!tokens.success) {
    throw new SignInFailed(`the token endpoint answered ${response.status}: ${JSON.stringify(body)}`);
  }
  return tokens.data;
}

async function get(url: string | URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000), ...init });
  } catch {
    throw new SignInFailed(`${new URL(url).origin} does not answer. Is \`npm start\` running?`);
  }
}

/** The parts of a browser that a log-in needs: cookies, redirects, forms. */
export class Browser {
  private readonly cookies = new CookieJar();

  /** Follows redirects and submits each form until the provider redirects to `redirectUri`. */
  async follow(start: URL, redirectUri: string, user: Pick<SignInOptions, 'login' | 'password'>): Promise<URL> {
    let response = await this.request(start);
    let at = start;
    let passwordSent = false;
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const location = response.headers.get('location');
      if (location !== null) {
        at = new URL(location, at);
        if (at.href.startsWith(redirectUri)) {
          return at;
        }
        response = await this.request(at);
        continue;
      }
      const page = parse(await response.text());
      const form = formOf(page);
      if (form === undefined) {
        throw new SignInFailed(`${at.origin}${at.pathname} answered ${response.status}: ${textOf(page)}`);
      }
      if (form.asksPassword && passwordSent) {
        throw new SignInFailed(`signing in as ${user.login} was refused: ${textOf(page)}`);
      }
      passwordSent ||= form.asksPassword;
      const target = new URL(form.action === '' ? at : form.action, at);
      response = await this.request(target, { method: 'POST', body: form.fill(user) });
      at = target;
    }
    throw new SignInFailed(`the log-in did not end after ${MAX_STEPS} pages`);
  }

  private async request(url: URL, init: RequestInit = {}): Promise<Response> {
    const cookie = await this.cookies.getCookieString(url.href);
    const response = await get(url, {
      ...init,
      headers: {
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(init.method === 'POST' ? { origin: url.origin } : {}),
      },
    });
    for (const line of response.headers.getSetCookie()) {
      await this.cookies.setCookie(line, url.href);
    }
    return response;
  }
}

interface Form {
  readonly action: string;
  readonly asksPassword: boolean;
  fill(user: Pick<SignInOptions, 'login' | 'password'>): URLSearchParams;
}

const childrenOf = (node: Html.Node): readonly Html.Node[] => ('childNodes' in node ? node.childNodes : []);

function elementsOf(node: Html.Node): readonly Html.Element[] {
  return [...('tagName' in node ? [node] : []), ...childrenOf(node).flatMap(elementsOf)];
}

const attribute = (element: Html.Element | undefined, name: string): string =>
  element?.attrs.find((attr) => attr.name === name)?.value ?? '';

const visibleText = (node: Html.Node): string =>
  'value' in node ? node.value : NOT_SHOWN.has(node.nodeName) ? '' : childrenOf(node).map(visibleText).join(' ');

/** The text of a page, at most 300 characters: only its alert if it has one. */
function textOf(page: Html.Document): string {
  const alert = elementsOf(page).find((element) => attribute(element, 'role') === 'alert');
  return visibleText(alert ?? page)
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}

/** The page's form: hidden fields unchanged, the user's name and password where asked for, the first button pressed. */
function formOf(page: Html.Document): Form | undefined {
  const form = elementsOf(page).find(({ tagName }) => tagName === 'form');
  if (form === undefined) {
    return undefined;
  }
  const inputs = elementsOf(form)
    .filter(({ tagName }) => tagName === 'input')
    .map((input) => ({
      name: attribute(input, 'name'),
      type: attribute(input, 'type').toLowerCase() || 'text',
      value: attribute(input, 'value'),
    }));
  const button = elementsOf(form).find(({ tagName }) => tagName === 'button');
  return {
    action: attribute(form, 'action'),
    asksPassword: inputs.some(({ type }) => type === 'password'),
    fill: ({ login, password }) => {
      const body = new URLSearchParams();
      for (const { name, type, value } of inputs) {
        if (name === '') {
          continue;
        }
        if (type === 'password') {
          body.set(name, password);
        } else if (type === 'text' || type === 'email') {
          body.set(name, login);
        } else if (type !== 'submit' && type !== 'checkbox') {
          body.set(name, value);
        }
      }
      if (attribute(button, 'name') !== '') {
        body.set(attribute(button, 'name'), attribute(button, 'value'));
      }
      return body;
    },
  };
}
