import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { z } from 'zod';

/** A request as received by the legacy system. */
export interface LegacyHit {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const Address = z.object({ port: z.number() });

const answerAsAlways: Answer = (_request, response) => {
  response.setHeader('content-type', 'application/json').end('{"from":"legacy"}');
};

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A small legacy system on a real port that records its requests. */
export class LegacySystem {
  hits: LegacyHit[] = [];
  /** Requests whose connection closed before they were answered. */
  abandoned = 0;
  answer: Answer = answerAsAlways;

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(port = 0): Promise<LegacySystem> {
    const server = createServer({ maxHeaderSize: 65_536 });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const legacy = new LegacySystem(server, Address.parse(server.address()).port);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void legacy.take(request, response));
    return legacy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get last(): LegacyHit {
    const hit = this.hits.at(-1);
    if (hit === undefined) {
      throw new Error('the legacy system was not asked');
    }
    return hit;
  }

  /** Resets the recorded requests and the response. */
  reset(): void {
    this.hits = [];
    this.abandoned = 0;
    this.answer = answerAsAlways;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.once('close', () => {
      if (!response.writableFinished) {
        this.abandoned += 1;
      }
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => request.once('close', resolve).once('end', resolve));
    const { method = '', url = '', headers } = request;
    this.hits.push({ method, url, headers, body: Buffer.concat(chunks).toString('utf8') });
    this.answer(request, response);
  }
}
