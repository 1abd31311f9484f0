import { createTransport } from 'nodemailer';
import { z } from 'zod';
import type { MailText } from './order-mail';
import type { Mailbox, SmtpServer } from './smtp-setting';

/** A mail to one person. */
export interface Mail extends MailText {
  /** The same for every attempt, so that mail programs recognize duplicates. */
  readonly id: string;
  readonly to: string;
}

/** The outcome of an attempt, without any text of the server, which may quote the address. */
export type Handover =
  | { readonly outcome: 'sent' }
  | {
      /** `refused`: the server rejects this mail permanently. `failed`: it did not respond, or the failure is temporary. */
      readonly outcome: 'refused' | 'failed';
      readonly code: string | undefined;
      readonly smtpStatus: number | undefined;
      readonly command: string | undefined;
    };

const CONNECT_TIMEOUT_MS = 10_000;
/** Servers delay the greeting for unknown clients. */
const GREETING_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 20_000;

/** A 5xx on these commands concerns the mail; on any other it concerns the configuration (log-in, sender), which can be corrected. */
const MAIL_COMMANDS: readonly (string | undefined)[] = ['RCPT TO', 'DATA'];

const Failure = z.object({
  code: z.string().optional(),
  command: z.string().optional(),
  responseCode: z.number().optional(),
  permanent: z.boolean().optional(),
});

/** Sends mails through an SMTP server (RFC 5321), one connection each. */
export class Mailer {
  private readonly transport;
  private readonly domain: string;

  constructor(
    server: SmtpServer,
    private readonly from: Mailbox,
  ) {
    const { host, port, secure, requireTls, login } = server;
    this.address = `${host}:${port}`;
    this.domain = from.address.slice(from.address.lastIndexOf('@') + 1);
    this.transport = createTransport({
      host,
      port,
      secure,
      requireTLS: requireTls,
      ...(login !== null && { auth: { user: login.user, pass: login.password } }),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      greetingTimeout: GREETING_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  /** `host:port` of the server. */
  readonly address: string;

  /** Never rejects. An abort ends it immediately; it is then unknown whether the server accepted the mail. */
  async send({ id, to, subject, text, html }: Mail, signal: AbortSignal): Promise<Handover> {
    try {
      await this.transport.sendMail({
        messageId: `<${id}@${this.domain}>`,
        from: { ...this.from },
        // An object instead of a string, so that no part of it is parsed as a second address.
        to: { name: '', address: to },
        subject,
        text,
        html,
        // RFC 3834: prevents automatic replies.
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal,
      });
      return { outcome: 'sent' };
    } catch (error) {
      const { code, command, responseCode, permanent = false } = Failure.safeParse(error).data ?? {};
      const outcome = permanent && MAIL_COMMANDS.includes(command) ? 'refused' : 'failed';
      return { outcome, code, smtpStatus: responseCode, command };
    }
  }
}
