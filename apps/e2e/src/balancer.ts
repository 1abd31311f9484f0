import { once } from 'node:events';
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import { eventually } from '@rookery/testing';

/** How often each replica is asked whether it is ready; one red answer takes it out. */
const PROBE_EVERY_MS = 250;
/** Longer than any response may take. */
const ANSWER_WITHIN_MS = 15_000;

/** Without what is meant for us: the client's connection is another one. */
const endToEnd = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'connection' && name !== 'keep-alive'));

interface Target {
  readonly port: number;
  /** Keeps connections to the replica open, as load balancers do. */
  readonly agent: Agent;
  ready: boolean;
}

/**
 * A load balancer as small as can be: round robin over the replicas whose `/readyz` is green, over connections kept alive. It tries
 * nothing twice: what a replica loses is answered 502 and noted in `lost`.
 */
export class Balancer {
  /** Why a request got no answer of a replica. */
  readonly lost: string[] = [];
  private targets: readonly Target[] = [];
  private turn = 0;
  private readonly probing = setInterval(() => void this.probe(), PROBE_EVERY_MS);

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {
    server.on('request', (incoming, answer) => this.forward(incoming, answer));
  }

  static async start(): Promise<Balancer> {
    const server = createServer({ keepAliveTimeout: 72_000 }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('the balancer has no port');
    }
    return new Balancer(server, address.port);
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** One more replica; resolves when it is given requests. */
  async add(port: number): Promise<void> {
    const target: Target = { port, agent: new Agent({ keepAlive: true }), ready: false };
    this.targets = [...this.targets, target];
    await eventually(() => {
      if (!target.ready) {
        throw new Error(`the replica on port ${port} is not ready`);
      }
    });
  }

  /** Forgets a replica that has ended. */
  remove(port: number): void {
    for (const target of this.targets) {
      if (target.port === port) {
        target.agent.destroy();
      }
    }
    this.targets = this.targets.filter((target) => target.port !== port);
  }

  async stop(): Promise<void> {
    clearInterval(this.probing);
    for (const { agent } of this.targets) {
      agent.destroy();
    }
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async probe(): Promise<void> {
    await Promise.all(
      this.targets.map(async (target) => {
        const answer = await fetch(`http://127.0.0.1:${target.port}/readyz`, {
          signal: AbortSignal.timeout(2_000),
        }).catch(() => undefined);
        target.ready = answer?.ok === true;
        await answer?.body?.cancel();
      }),
    );
  }

  private forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const ready = this.targets.filter((target) => target.ready);
    const target = ready[(this.turn += 1) % ready.length];
    if (target === undefined) {
      this.lose(incoming, answer, 'no replica is ready');
      return;
    }
    // The host stays the one that the client asked for: redirects and links are made from it.
    const { headers } = incoming;
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: target.port,
        agent: target.agent,
        method: incoming.method,
        path: incoming.url,
        headers,
      },
      (reply) => {
        answer.writeHead(reply.statusCode ?? 502, endToEnd(reply.headers));
        reply.pipe(answer);
        reply.once('error', () => answer.destroy());
      },
    );
    outgoing.setTimeout(ANSWER_WITHIN_MS, () => outgoing.destroy(new Error('no answer in time')));
    outgoing.once('error', (error) => this.lose(incoming, answer, `port ${target.port}: ${error.message}`));
    incoming.pipe(outgoing);
  }

  private lose({ method = '', url = '' }: IncomingMessage, answer: ServerResponse, why: string): void {
    this.lost.push(`${method} ${url}: ${why}`);
    if (answer.headersSent) {
      answer.destroy();
    } else {
      answer.writeHead(502).end();
    }
  }
}
