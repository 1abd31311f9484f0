import { NoRespondersError, RequestError, TimeoutError, type Msg, type MsgHdrs } from '@nats-io/nats-core';
import { randomUUID } from 'node:crypto';
import { inboxPrefixOf } from '../broker/permissions';
import type { Nats } from '../broker/nats';

/** A request that waits for its answer. */
interface Waiting {
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Sends requests and gets their answers over one subscription. Each request has a reply subject that cannot be guessed: several services may
 * publish to the inbox, and none of them can answer in another's place. The client's own `request` takes its subjects from `Math.random`,
 * and beneath the prefix that is JetStream's alone.
 */
export class ReplyInbox {
  private readonly nats: Nats;
  private readonly prefix: string;
  private readonly waiting = new Map<string, Waiting>();
  private listening = false;

  constructor(nats: Nats) {
    this.nats = nats;
    this.prefix = `${inboxPrefixOf(nats.service)}.${randomUUID()}.`;
  }

  /**
   * The first answer to a request. Throws the client's `TimeoutError` after `timeoutMs`, `NoRespondersError` when nobody takes the request,
   * and `RequestError` when the connection is closed.
   */
  async request(
    subject: string,
    payload: string | Uint8Array,
    { timeoutMs, headers }: { readonly timeoutMs: number; readonly headers?: MsgHdrs },
  ): Promise<Msg> {
    this.listen();
    const token = randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<Msg>();
    const timer = setTimeout(() => reject(new TimeoutError()), timeoutMs);
    const nobodyTookIt = (answer: Msg): boolean => answer.data.length === 0 && answer.headers?.code === 503;
    this.waiting.set(token, {
      resolve: (answer) => (nobodyTookIt(answer) ? reject(new NoRespondersError(subject)) : resolve(answer)),
      reject,
    });
    try {
      const reply = `${this.prefix}${token}`;
      this.nats.connection.publish(subject, payload, headers === undefined ? { reply } : { reply, headers });
      return await promise;
    } finally {
      clearTimeout(timer);
      this.waiting.delete(token);
    }
  }

  /** At the first request: most services make none. */
  private listen(): void {
    if (this.listening) return;
    this.listening = true;
    const { connection } = this.nats;
    connection.subscribe(`${this.prefix}*`, {
      callback: (error, answer) => {
        if (error === null) this.waiting.get(answer.subject.slice(this.prefix.length))?.resolve(answer);
      },
    });
    void connection.closed().finally(() => {
      for (const { reject } of this.waiting.values()) reject(new RequestError('connection closed'));
    });
  }
}
