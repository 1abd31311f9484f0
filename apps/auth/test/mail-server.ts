import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';

/** A mail as received. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** By lower-case name; folded lines are joined. */
  readonly headers: ReadonlyMap<string, string>;
  /** The body, decoded as far as needed for ASCII. */
  readonly body: string;
}

/** Requirements of the server. */
export interface MailServerOptions {
  /** The required log-in. */
  readonly login?: { readonly user: string; readonly password: string };
}

/** A real SMTP server on the loopback address that can be stopped and can reject mails. */
export class MailServer {
  readonly mails: ReceivedMail[] = [];
  /** All recipients, including those of rejected attempts. */
  readonly asked: string[] = [];
  private readonly refusals = new Map<string, number>();
  private server: SMTPServer | undefined;
  private listeningPort = 0;

  private constructor(private readonly options: MailServerOptions) {}

  static async start(options: MailServerOptions = {}): Promise<MailServer> {
    const server = new MailServer(options);
    await server.comeBack();
    return server;
  }

  get port(): number {
    return this.listeningPort;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.listeningPort}`;
  }

  mailsTo(address: string): readonly ReceivedMail[] {
    return this.mails.filter(({ to }) => to.includes(address));
  }

  /** Rejects every mail to this address with the status and a text that quotes the address; undefined accepts it again. */
  refuse(address: string, status: number | undefined): void {
    if (status === undefined) {
      this.refusals.delete(address);
    } else {
      this.refusals.set(address, status);
    }
  }

  /** Stops listening until the server is started again. */
  async goAway(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
  }

  /** Listens at the same port as before. */
  async comeBack(): Promise<void> {
    const { login } = this.options;
    const server = new SMTPServer({
      authOptional: login === undefined,
      allowInsecureAuth: true,
      disabledCommands: ['STARTTLS'],
      closeTimeout: 100,
      onAuth: ({ username, password }, _session, done) => {
        if (username === login?.user && password === login?.password) {
          done(null, { user: username });
        } else {
          done(new Error('who are you?'));
        }
      },
      onRcptTo: ({ address }, _session, done) => {
        this.asked.push(address);
        const responseCode = this.refusals.get(address);
        if (responseCode === undefined) {
          done();
        } else {
          done(Object.assign(new Error(`<${address}> is not wanted here`), { responseCode }));
        }
      },
      onData: (stream, { envelope }, done) => {
        void text(stream).then((raw) => {
          const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
          this.mails.push({ from, to: envelope.rcptTo.map(({ address }) => address), ...parsed(raw) });
          done();
        });
      },
    });
    server.on('error', () => undefined);
    const listening = await new Promise<AddressInfo | string | null>((resolve) => {
      const listener = server.listen(this.listeningPort, '127.0.0.1', () => resolve(listener.address()));
    });
    if (listening === null || typeof listening === 'string') {
      throw new Error('the mail server has no port');
    }
    this.listeningPort = listening.port;
    this.server = server;
  }
}

function parsed(raw: string): Pick<ReceivedMail, 'headers' | 'body'> {
  const end = raw.indexOf('\r\n\r\n');
  const lines = raw.slice(0, end).replaceAll(/\r\n[ \t]+/g, ' ');
  const headers = new Map(
    lines.split('\r\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = raw
    .slice(end + 4)
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return { headers, body };
}
