import { randomUUID } from 'node:crypto';
import { type Msg, type MsgHdrs, NoRespondersError, RequestError, TimeoutError } from '@nats-io/nats-core';
import type { Nats } from '../broker/nats';
import { inboxPrefixOf } from '../broker/permissions';

/** A request that waits for its reply. */
interface Waiting {
  readonly resolve: (answer: Msg) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Sends requests and receives their replies over one subscription. Each request has an unguessable reply subject: several services may publish
 * to the inbox, and none of them can reply for another. The client's own `request` creates subjects with `Math.random`, and under the prefix
 * that is reserved for JetStream.
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
   * @returns the first reply to a request
   * @throws {TimeoutError} after `timeoutMs`
   * @throws {NoRespondersError} when no process subscribes to the subject
   * @throws {RequestError} when the connection is closed
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
    const hasNoResponder = (answer: Msg): boolean => answer.data.length === 0 && answer.headers?.code === 503;
    this.waiting.set(token, {
      resolve: (answer) => (hasNoResponder(answer) ? reject(new NoRespondersError(subject)) : resolve(answer)),
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

  /** Subscribes at the first request, because most services send none. */
  private listen(): void {
    if (this.listening) {
      return;
    }
    this.listening = true;
    const { connection } = this.nats;
    connection.subscribe(`${this.prefix}*`, {
      callback: (error, answer) => {
        if (error === null) {
          this.waiting.get(answer.subject.slice(this.prefix.length))?.resolve(answer);
        }
      },
    });
    void connection.closed().finally(() => {
      for (const { reject } of this.waiting.values()) {
        reject(new RequestError('connection closed'));
      }
    });
  }
}
