import { z } from 'zod';

/** The SMTP server. */
export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte (`smtps://`). */
  readonly secure: boolean;
  /** Requires STARTTLS. Otherwise it is used if the server offers it. */
  readonly requireTls: boolean;
  readonly login: { readonly user: string; readonly password: string } | null;
}

/** The sender of mails. */
export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

const FORM = 'must be smtp://user:password@host:port, with ?requireTLS=true to require STARTTLS, or smtps://…';
/** Ports of message submission: RFC 6409, and RFC 8314 for TLS from the start. */
const PORTS = { 'smtp:': 587, 'smtps:': 465 } as const;

const isKnown = (protocol: string): protocol is keyof typeof PORTS => protocol in PORTS;

function parseServer(text: string): SmtpServer | undefined {
  const url = URL.parse(text);
  if (url === null || !isKnown(url.protocol) || url.hostname === '') {
    return undefined;
  }
  if (!['', '/'].includes(url.pathname) || url.hash !== '') {
    return undefined;
  }
  // The mail library accepts any option in such a URL, including ones that log the mails; only this one is allowed.
  if (!['', '?requireTLS=true'].includes(url.search)) {
    return undefined;
  }
  if ((url.username === '') !== (url.password === '')) {
    return undefined;
  }
  try {
    return {
      host: url.hostname.replace(/^\[(.+)\]$/u, '$1'),
      port: url.port === '' ? PORTS[url.protocol] : Number(url.port),
      secure: url.protocol === 'smtps:',
      requireTls: url.search !== '',
      login:
        url.username === ''
          ? null
          : { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
    };
  } catch {
    return undefined;
  }
}

/** `smtp://` or `smtps://` as an `SmtpServer`. User and password are percent-encoded. */
export const smtpServerSetting = z.string().transform((text, context): SmtpServer => {
  const server = parseServer(text);
  if (server !== undefined) {
    return server;
  }
  context.addIssue({ code: 'custom', message: FORM });
  return z.NEVER;
});

/** `shop@example.com` or `Shop <shop@example.com>` as a `Mailbox`. */
export const mailboxSetting = z.string().transform((text, context): Mailbox => {
  const [, name = '', bracketed] = /^([^<>"\p{Cc}]{1,100}) <([^<>]+)>$/u.exec(text) ?? [];
  const address = z.email().safeParse(bracketed ?? text);
  if (address.success) {
    return { name, address: address.data };
  }
  context.addIssue({ code: 'custom', message: 'must be an e-mail address, or Name <address>' });
  return z.NEVER;
});
