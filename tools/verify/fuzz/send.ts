import { Agent, type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import type { WireRequest } from './fuzz-case';

/** What came back. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty for a live stream, which is closed after its headers. */
  readonly body: string;
}

/** There was no answer: the connection ended, or the time was over. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

const PATIENCE_MS = 20_000;

/** A client that sends requests as they are: `fetch` would tidy up targets and headers. */
export class WireClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 16 });
  private readonly url: URL;

  constructor(url: string) {
    this.url = new URL(url);
  }

  /** @throws {NoAnswer} when the server closes the connection or does not answer */
  async send(request: WireRequest): Promise<WireAnswer> {
    try {
      return await this.attempt(request, this.agent);
    } catch (error) {
      // A kept-alive connection may be closed just as it is used again, and one that was refused is: once more, on a new one.
      if (!(error instanceof NoAnswer)) {
        throw error;
      }
      return this.attempt(request, new Agent({ keepAlive: false }));
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private attempt({ method, target, headers, body }: WireRequest, agent: Agent): Promise<WireAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const outgoing = httpRequest({
      agent,
      host: this.url.hostname,
      // The issuer answers to its own name only, and it listens on IPv4.
      family: 4,
      port: this.url.port,
      method,
      path: target,
      timeout: PATIENCE_MS,
      headers: [
        'host',
        this.url.host,
        ...headers.flat(),
        // Without it Node sends an empty body in chunks, which is a body.
        ...(bytes === undefined && method === 'GET' ? [] : ['content-length', String(bytes?.length ?? 0)]),
      ],
    });
    const fail = (error: Error): void => reject(new NoAnswer(error.message, { cause: error }));
    let answered = false;
    outgoing.on('error', (error) => {
      if (!answered) {
        fail(error);
      }
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no data for ${PATIENCE_MS / 1_000} s`)));
    outgoing.on('response', (incoming) => {
      answered = true;
      const status = incoming.statusCode ?? 0;
      if (incoming.headers['content-type']?.startsWith('text/event-stream') === true && status === 200) {
        resolve({ status, headers: incoming.headers, body: '' });
        incoming.destroy();
        return;
      }
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', fail);
      incoming.on('end', () => resolve({ status, headers: incoming.headers, body: Buffer.concat(chunks).toString() }));
    });
    outgoing.end(bytes);
    return promise;
  }
}
