import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** The command line's own OAuth client: public, code flow with PKCE, loopback redirect (RFC 8252). */
const CLIENT_ID = 'rookery-cli';
const REDIRECT_URI = 'http://127.0.0.1:8976/callback';
/** Pages of one log-in, redirects counted. */
const MOST_STEPS = 20;

export interface SignInOptions {
  readonly issuer: string;
  readonly login: string;
  readonly password: string;
  /** Space separated; those the user may not have are left out by the provider. */
  readonly scope?: string;
  readonly clientId?: string;
  readonly redirectUri?: string;
}

/** What the token endpoint answers. */
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

/** The log-in did not end with a token; the message says where and why. */
export class SignInFailed extends Error {}

export const ALL_SCOPES = 'openid catalog:write orders:read orders:write ops:read ops:write';

/** Password of the demo users of the embedded stack. */
export const demoPassword = (user: string): string => `${user}-demo-password`;

/**
 * Signs a user in as a browser would: authorization code flow with PKCE, the real pages fetched and their forms posted.
 * Throws SignInFailed, for example on a wrong password.
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
  if (callback.searchParams.get('state') !== state) throw new SignInFailed('the provider answered with another state');
  const error = callback.searchParams.get('error');
  if (error !== null) throw new SignInFailed(`${error}: ${callback.searchParams.get('error_description') ?? ''}`);

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
  if (!tokens.success)
    throw new SignInFailed(`the token endpoint answered ${response.status}: ${JSON.stringify(body)}`);
  return tokens.data;
}

async function get(url: string | URL, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(10_000), ...init });
  } catch (cause) {
    throw new SignInFailed(`${new URL(url).origin} does not answer. Is \`npm start\` running?`, { cause });
  }
}

/** As much of a browser as a log-in needs: cookies, redirects, forms. */
export class Browser {
  private readonly cookies = new Map<string, string>();

  /** Follows redirects and submits each form it is shown until it is sent to the redirect URI. */
  async follow(start: URL, redirectUri: string, user: Pick<SignInOptions, 'login' | 'password'>): Promise<URL> {
    let response = await this.request(start);
    let at = start;
    let passwordSent = false;
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const location = response.headers.get('location');
      if (location !== null) {
        at = new URL(location, at);
        if (at.href.startsWith(redirectUri)) return at;
        response = await this.request(at);
        continue;
      }
      const page = await response.text();
      const form = formOf(page);
      if (form === undefined)
        throw new SignInFailed(`${at.origin}${at.pathname} answered ${response.status}: ${textOf(page)}`);
      if (form.asksPassword && passwordSent)
        throw new SignInFailed(`signing in as ${user.login} was refused: ${textOf(page)}`);
      passwordSent ||= form.asksPassword;
      const target = new URL(form.action === '' ? at : form.action, at);
      response = await this.request(target, { method: 'POST', body: form.fill(user) });
      at = target;
    }
    throw new SignInFailed(`the log-in did not end after ${MOST_STEPS} pages`);
  }

  private async request(url: URL, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await get(url, {
      ...init,
      headers: {
        accept: 'text/html',
        ...(cookie === '' ? {} : { cookie }),
        ...(init.method === 'POST' ? { origin: url.origin } : {}),
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';');
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(pair.indexOf('=') + 1);
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return response;
  }
}

interface Form {
  readonly action: string;
  readonly asksPassword: boolean;
  fill(user: Pick<SignInOptions, 'login' | 'password'>): URLSearchParams;
}

const attribute = (tag: string, name: string): string => {
  const value = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  return unescape(value?.[1] ?? value?.[2] ?? value?.[3] ?? '');
};

const unescape = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** What a page says: its alert when it has one. */
const textOf = (page: string): string =>
  unescape(
    (/<[^>]*role="alert"[^>]*>[\s\S]*?<\//i.exec(page)?.[0] ?? page)
      .replace(/<(style|script|head)[\s\S]*?<\/\1>/gi, ' ')
      .replace(/<[^>]*>?/g, ' '),
  )
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);

/** The page's form: hidden fields as they are, the user's name and password where asked for, the first button pressed. */
function formOf(page: string): Form | undefined {
  const [, tag = '', content = ''] = /<form([^>]*)>([\s\S]*?)<\/form>/i.exec(page) ?? [];
  if (content === '') return undefined;
  const inputs = [...content.matchAll(/<input[^>]*>/gi)].map(([input]) => ({
    name: attribute(input, 'name'),
    type: attribute(input, 'type').toLowerCase() || 'text',
    value: attribute(input, 'value'),
  }));
  const [button] = content.match(/<button[^>]*>/i) ?? [];
  return {
    action: attribute(` ${tag}`, 'action'),
    asksPassword: inputs.some(({ type }) => type === 'password'),
    fill: ({ login, password }) => {
      const body = new URLSearchParams();
      for (const { name, type, value } of inputs) {
        if (name === '') continue;
        if (type === 'password') body.set(name, password);
        else if (type === 'text' || type === 'email') body.set(name, login);
        else if (type !== 'submit' && type !== 'checkbox') body.set(name, value);
      }
      if (button !== undefined && attribute(button, 'name') !== '')
        body.set(attribute(button, 'name'), attribute(button, 'value'));
      return body;
    },
  };
}
