import { z } from 'zod';

/** One request and its whole answer. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly requestHeaders: Headers;
  readonly requestBody: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Fields of a form or of JSON that hold what nobody else may see. */
const SECRET_FIELDS = [
  'access_token',
  'refresh_token',
  'id_token',
  'code',
  'code_verifier',
  'client_secret',
  'device_code',
  'password',
  'token',
] as const;

/** Shorter texts would be found by chance. */
const SHORTEST = 12;

const Fields = z.record(z.string(), z.unknown());

/** Sees all that this process sends and gets by `fetch`, from `record` to `stop`. */
export class Traffic {
  private readonly pending: Promise<Exchange>[] = [];

  private constructor(private readonly send: typeof fetch) {}

  static record(): Traffic {
    const traffic = new Traffic(globalThis.fetch);
    globalThis.fetch = (input, init) => traffic.pass(new Request(input, init));
    return traffic;
  }

  stop(): void {
    globalThis.fetch = this.send;
  }

  /** Everything so far, in order. */
  exchanges(): Promise<readonly Exchange[]> {
    return Promise.all(this.pending);
  }

  private async pass(request: Request): Promise<Response> {
    const requestBody = request.clone().text();
    const response = await this.send(request);
    const copy = response.clone();
    const exchange = async (): Promise<Exchange> => ({
      method: request.method,
      url: request.url,
      requestHeaders: request.headers,
      requestBody: await requestBody,
      status: response.status,
      headers: response.headers,
      body: await copy.text().catch(() => ''),
    });
    this.pending.push(exchange());
    return response;
  }
}

/** Passwords, tokens, codes, cookies and the like that went over the wire in an exchange, by their text. */
export function secretsIn(exchange: Exchange): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const add = (what: string, text: string): void => {
    if (text.length < SHORTEST) {
      return;
    }
    found.set(text, what);
    // Of a JWT the signature is what makes it worth stealing.
    const [, , signature = ''] = text.startsWith('eyJ') ? text.split('.') : [];
    if (signature.length >= SHORTEST) {
      found.set(signature, `signature of ${what}`);
    }
  };
  const addFields = (fields: Readonly<Record<string, unknown>>): void => {
    for (const name of SECRET_FIELDS) {
      const value = fields[name];
      if (typeof value === 'string') {
        add(name, value);
      }
    }
  };
  const [scheme = '', credentials = ''] = (exchange.requestHeaders.get('authorization') ?? '').split(' ');
  if (scheme === 'Bearer') {
    add('access_token', credentials);
  }
  if (scheme === 'Basic') {
    const [, secret = ''] = Buffer.from(credentials, 'base64').toString().split(':');
    add('client_secret', decodeURIComponent(secret));
  }
  const { pathname, search } = new URL(exchange.url);
  const formOf = (text: string) => {
    const fields = Object.fromEntries(new URLSearchParams(text));
    // In the form of a page it is the page's own, good for that form once.
    return pathname.startsWith('/interaction') ? { ...fields, token: undefined } : fields;
  };
  addFields(formOf(search));
  addFields(
    /urlencoded/.test(exchange.requestHeaders.get('content-type') ?? '')
      ? formOf(exchange.requestBody)
      : fieldsIn(exchange.requestBody),
  );
  // The `code` of a problem is no authorization code: that comes in an address.
  addFields({ ...fieldsIn(exchange.body), code: undefined });
  const location = exchange.headers.get('location');
  if (location !== null) {
    addFields(formOf(new URL(location, exchange.url).search));
  }
  for (const cookie of exchange.headers.getSetCookie()) {
    const [pair = ''] = cookie.split(';');
    const name = pair.slice(0, pair.indexOf('='));
    // These two repeat what stands in the address; what makes them good is their signature, a cookie too.
    if (!/(?:interaction|resume)$/.test(name)) {
      add('cookie', pair.slice(name.length + 1));
    }
  }
  return found;
}

function fieldsIn(text: string): Readonly<Record<string, unknown>> {
  try {
    return Fields.catch({}).parse(JSON.parse(text));
  } catch {
    return {};
  }
}
