import { createTransport } from 'nodemailer';
import { z } from 'zod';
import type { MailText } from './order-mail';
import type { Mailbox, SmtpServer } from './smtp-setting';

/** A mail to one person. */
export interface Mail extends MailText {
  /** The same for every attempt at the mail: whoever gets it twice can tell, and mail programs do. */
  readonly id: string;
  readonly to: string;
}

/** What came of an attempt, without a word of the mail: the server's own words repeat the address. */
export type Handover =
  | { readonly outcome: 'sent' }
  | {
      /** `refused`: the server will not take this mail, however often it is asked. `failed`: it did not answer, or not now. */
      readonly outcome: 'refused' | 'failed';
      readonly code: string | undefined;
      readonly smtpStatus: number | undefined;
      readonly command: string | undefined;
    };

const CONNECT_TIMEOUT_MS = 10_000;
/** Servers that distrust a stranger make him wait for the greeting. */
const GREETING_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 20_000;

/** 5xx at these is about the mail; at any other command it is about us (log-in, sender), which somebody can mend. */
const ABOUT_THE_MAIL: readonly (string | undefined)[] = ['RCPT TO', 'DATA'];

const Failure = z.object({
  code: z.string().optional(),
  command: z.string().optional(),
  responseCode: z.number().optional(),
  permanent: z.boolean().optional(),
});

/** Hands mails to a SMTP server (RFC 5321), one connection each. */
export class Mailer {
  readonly #transport;
  readonly #domain: string;

  constructor(
    server: SmtpServer,
    private readonly from: Mailbox,
  ) {
    const { host, port, secure, requireTls, login } = server;
    this.address = `${host}:${port}`;
    this.#domain = from.address.slice(from.address.lastIndexOf('@') + 1);
    this.#transport = createTransport({
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

  /** Never rejects. After the signal it ends at once, and whether the mail was taken is unknown. */
  async send({ id, to, subject, text, html }: Mail, signal: AbortSignal): Promise<Handover> {
    try {
      await this.#transport.sendMail({
        messageId: `<${id}@${this.#domain}>`,
        from: { ...this.from },
        // An object, not a text: nothing in it can be taken for a second address.
        to: { name: '', address: to },
        subject,
        text,
        html,
        // RFC 3834: nobody's holiday notice shall answer.
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal,
      });
      return { outcome: 'sent' };
    } catch (error) {
      const { code, command, responseCode, permanent = false } = Failure.safeParse(error).data ?? {};
      const outcome = permanent && ABOUT_THE_MAIL.includes(command) ? 'refused' : 'failed';
      return { outcome, code, smtpStatus: responseCode, command };
    }
  }
}
