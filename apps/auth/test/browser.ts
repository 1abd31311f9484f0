/** A page as seen without JavaScript. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
}

interface PageRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
};
const unescape = (text: string) => text.replace(/&(?:amp|lt|gt|quot|#39);/gu, (entity) => ENTITIES[entity] ?? entity);
const attribute = (tag: string, name: string) => unescape(new RegExp(`\\b${name}="([^"]*)"`, 'u').exec(tag)?.[1] ?? '');

/** Follows redirects with cookies like a browser, and stops at the first URL outside the issuer. */
export class Browser {
  private readonly cookies = new Map<string, Cookie>();

  constructor(readonly origin: string) {}

  /** Opens a URL. After a redirect away from the issuer, the page is empty and `url` is that URL. */
  open(url: string | URL, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.follow(new URL(url, this.origin), { method: 'GET', headers });
  }

  /** Fills in the page's form (hidden fields stay unchanged) and presses a button. */
  submit(
    page: Page,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    const form = /<form\b[^>]*>/u.exec(page.text)?.[0];
    if (form === undefined) {
      throw new Error(`no form on the page at ${page.url}, status ${page.status}`);
    }
    const body = new URLSearchParams();
    for (const [tag] of page.text.matchAll(/<input\b[^>]*>/gu)) {
      body.set(attribute(tag, 'name'), attribute(tag, 'value'));
    }
    for (const [name, value] of Object.entries(fields)) {
      body.set(name, value);
    }
    return this.follow(new URL(attribute(form, 'action'), page.url), { method: 'POST', body, headers });
  }

  cookie(name: string): string | undefined {
    return this.cookies.get(name)?.value;
  }

  private async follow(url: URL, request: PageRequest): Promise<Page> {
    let current = url;
    let init = request;
    for (let hops = 0; hops < 12; hops += 1) {
      if (current.origin !== this.origin) {
        return { url: current.href, status: 0, headers: new Headers(), text: '' };
      }
      const response = await fetch(current, {
        method: init.method,
        body: init.body,
        redirect: 'manual',
        headers: { accept: 'text/html', ...init.headers, cookie: this.cookieHeader(current) },
      });
      this.storeCookies(response, current);
      const location = response.headers.get('location');
      if (location === null) {
        return { url: current.href, status: response.status, headers: response.headers, text: await response.text() };
      }
      await response.body?.cancel();
      current = new URL(location, current);
      init = { method: 'GET', headers: request.headers };
    }
    throw new Error(`too many redirects at ${current.pathname}`);
  }

  private storeCookies(response: Response, from: URL): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const [name = '', value = ''] = pair.split(/=(.*)/su);
      const path = attributes.find((part) => part.toLowerCase().startsWith('path='))?.slice(5) ?? from.pathname;
      if (value === '' || /expires=Thu, 01 Jan 1970/iu.test(line)) {
        this.cookies.delete(name);
      } else {
        this.cookies.set(name, { value, path });
      }
    }
  }

  private cookieHeader(url: URL): string {
    const matching = [...this.cookies].filter(
      ([, { path }]) => path === '/' || url.pathname === path || url.pathname.startsWith(`${path}/`),
    );
    return matching.map(([name, { value }]) => `${name}=${value}`).join('; ');
  }
}
