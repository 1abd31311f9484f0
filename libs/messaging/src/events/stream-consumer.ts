import { logger } from '@rookery/platform';
import { jetstream, JetStreamApiCodes, type Consumer, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_ACK_PENDING, type ConsumerDefinition } from '../broker/definitions';
import { isApiError } from '../broker/provisioning';
import type { BrokerRepair } from '../broker/stream-recovery';
import { endsWithin } from '../concurrency/in-flight';
import type { Nats } from '../broker/nats';

const RESTART_DELAY_MS = 250;
/** A broker that does not answer must not hold up a shutdown. */
const DRAIN_TIMEOUT_MS = 2_000;

/** The subscription beneath a pull loop; the client itself drains it only together with its whole connection. */
interface Drainable {
  drain(): Promise<void>;
}

const isDrainable = (value: unknown): value is Drainable =>
  typeof value === 'object' && value !== null && 'drain' in value && typeof value.drain === 'function';

/**
 * Pulls the messages of one durable consumer for as long as it is not stopped. The client's loop neither ends nor recovers
 * by itself when the consumer is deleted, so its status is watched and the loop begun anew. A consumer that is missing is made
 * again; a stream that is missing is its producer's to make and is waited for.
 */
export class StreamConsumer {
  private readonly stopping = new AbortController();
  private messages: ConsumerMessages | undefined;
  private running: Promise<void> = Promise.resolve();
  private pulling = false;
  private restarts = 0;

  constructor(
    private readonly nats: Nats,
    private readonly repair: BrokerRepair,
    private readonly definition: ConsumerDefinition,
  ) {}

  get stream(): string {
    return this.definition.stream;
  }

  /** For the health check. */
  get what(): string {
    return `consuming ${this.stream}`;
  }

  /** Whether messages are being pulled now. */
  get alive(): boolean {
    return this.pulling;
  }

  /**
   * Changes when the connection or the consumer was lost: what was delivered before may belong to a stream that is gone, whose
   * sequence numbers name other messages now.
   */
  get generation(): string {
    return `${this.nats.generation}.${this.restarts}`;
  }

  /** Hands over each message as it comes; `receive` bounds nothing, the consumer's `max_ack_pending` does. */
  start(receive: (message: JsMsg) => void): void {
    this.running = this.run(receive);
  }

  /** Hands over what the broker has already sent, so that it can be given back; resolves when nothing more will come. */
  async stop(): Promise<void> {
    this.stopping.abort();
    if (this.messages !== undefined) {
      await this.drain(this.messages);
      this.messages.stop();
    }
    await this.running;
  }

  /** The client's own `stop` drops what is on its way: the broker would deliver that to nobody until its ack wait is over. */
  private async drain(messages: ConsumerMessages): Promise<void> {
    const subscription = 'sub' in messages ? messages.sub : undefined;
    if (!this.nats.connected || !isDrainable(subscription)) {
      return;
    }
    await endsWithin(
      DRAIN_TIMEOUT_MS,
      subscription.drain().catch(() => undefined),
    );
  }

  /** A method, because it changes while others wait. */
  private isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private async run(receive: (message: JsMsg) => void): Promise<void> {
    let lastReason = '';
    while (!this.isStopped()) {
      try {
        await this.pull(receive);
        lastReason = '';
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'unknown';
        if (reason !== lastReason && !this.isStopped()) {
          logger.warn({ stream: this.stream, reason }, 'cannot consume, trying again');
        }
        lastReason = reason;
      }
      this.pulling = false;
      if (this.isStopped()) {
        // What is in hand stays valid: it is still acked or given back.
        return;
      }
      this.restarts += 1;
      await sleep(RESTART_DELAY_MS);
    }
  }

  /** Returns when the loop was stopped, throws when the consumer is missing. */
  private async pull(receive: (message: JsMsg) => void): Promise<void> {
    if (!this.nats.connected) {
      throw new Error('not connected');
    }
    const consumer = await this.consumer();
    const messages = await consumer.consume({
      max_messages: MAX_ACK_PENDING,
      expires: 5_000,
      idle_heartbeat: 1_000,
      abort_on_missing_resource: true,
    });
    this.messages = messages;
    if (this.isStopped()) {
      messages.stop();
    }
    this.pulling = true;
    void this.watch(messages);
    for await (const message of messages) {
      receive(message);
    }
  }

  private async consumer(): Promise<Consumer> {
    const { stream, durable } = this.definition;
    const { consumers } = jetstream(this.nats.connection);
    try {
      return await consumers.get(stream, durable);
    } catch (error) {
      if (!isApiError(error, JetStreamApiCodes.ConsumerNotFound)) {
        throw error;
      }
      await this.repair.consumer(this.definition);
      return consumers.get(stream, durable);
    }
  }

  private async watch(messages: ConsumerMessages): Promise<void> {
    for await (const notification of messages.status()) {
      switch (notification.type) {
        case 'consumer_deleted':
        case 'consumer_not_found':
        case 'stream_not_found':
          logger.warn({ stream: this.stream, reason: notification.type }, 'the consumer is gone');
          messages.stop();
          break;
        default:
          // The others tell of the client's own recovery.
          break;
      }
    }
  }
}
