import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';

/** A TCP proxy to a server that a spec can break: use its `url` instead of the server's. */
export class FaultyLink {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private silent = false;
  private delayMs = 0;
  private turns = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
    private readonly port: number,
  ) {
    server.on('connection', (near) => this.join(near));
  }

  /** A working link to the host and port of the url. */
  static async to(url: string): Promise<FaultyLink> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address: AddressInfo | string | null = server.address();
    if (address === null || typeof address === 'string') {
      throw new Error('the link has no port');
    }
    return new FaultyLink(server, new URL(url), address.port);
  }

  /** The target's url through this link. */
  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${this.port}`;
    return url.href;
  }

  /** How often a client has spoken to the server since the server spoke last: the round trips of a client that waits for each answer. */
  get roundTrips(): number {
    return this.turns;
  }

  /** Delays every byte in both directions, milliseconds; 0 ends the delay. */
  slow(delayMs: number): void {
    this.delayMs = delayMs;
  }

  /** Simulates a stopped server: connections break and new ones are refused. */
  async cut(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const sockets of this.pairs) {
      for (const socket of sockets) {
        socket.destroy();
      }
    }
    await closed;
  }

  /** New connections work again. Silenced ones stay silent, as after a router has dropped their state. */
  async mend(): Promise<void> {
    this.silent = false;
    if (this.server.listening) {
      return;
    }
    this.server.listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /** Half-open: connections stay and new ones are accepted, but no data passes. */
  silence(): void {
    this.silent = true;
    for (const sockets of this.pairs) {
      for (const socket of sockets) {
        socket.pause();
      }
    }
  }

  /** Ends a partition: data sent in the meantime arrives late, as after a TCP retransmission. */
  heal(): void {
    this.silent = false;
    for (const sockets of this.pairs) {
      for (const socket of sockets) {
        socket.resume();
      }
    }
  }

  /** Closes the link permanently. */
  async close(): Promise<void> {
    if (this.server.listening) {
      await this.cut();
    }
  }

  private join(near: Socket): void {
    const far = new Socket().connect(Number(this.target.port), this.target.hostname);
    const pair = [near, far] as const;
    this.pairs.add(pair);
    this.count(near, far);
    this.carry(near, far);
    this.carry(far, near);
    for (const socket of pair) {
      // Like the connections that it links: it would hold small packets back for 40 ms.
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.pairs.delete(pair);
        near.destroy();
        far.destroy();
      });
      if (this.silent) {
        socket.pause();
      }
    }
  }

  private count(near: Socket, far: Socket): void {
    let clientSpeaks = false;
    near.on('data', () => {
      this.turns += clientSpeaks ? 0 : 1;
      clientSpeaks = true;
    });
    far.on('data', () => (clientSpeaks = false));
  }

  private carry(from: Socket, to: Socket): void {
    let lastAt = 0;
    from.on('data', (chunk) => {
      // Never before earlier data, even if the delay has just been reduced.
      lastAt = Math.max(lastAt, Date.now() + this.delayMs);
      const waitMs = lastAt - Date.now();
      if (waitMs <= 0) {
        to.write(chunk);
      } else {
        setTimeout(() => to.write(chunk), waitMs).unref();
      }
    });
  }
}
