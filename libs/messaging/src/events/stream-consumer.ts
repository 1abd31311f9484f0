import { setTimeout as sleep } from 'node:timers/promises';
import { type Consumer, type ConsumerMessages, jetstream, JetStreamApiCodes, type JsMsg } from '@nats-io/jetstream';
import { logger } from '@rookery/platform';
import { type ConsumerDefinition, MAX_ACK_PENDING } from '../broker/definitions';
import type { Nats } from '../broker/nats';
import { isApiError } from '../broker/provisioning';
import type { StreamRecovery } from '../broker/stream-recovery';
import { endsWithin } from '../concurrency/in-flight';

const RESTART_DELAY_MS = 250;
/** A broker that does not answer must not delay the shutdown. */
const DRAIN_TIMEOUT_MS = 2_000;

/** The subscription of a pull loop. The client drains it only together with the whole connection. */
interface Drainable {
  drain(): Promise<void>;
}

const isDrainable = (value: unknown): value is Drainable =>
  typeof value === 'object' && value !== null && 'drain' in value && typeof value.drain === 'function';

/**
 * Pulls the messages of one durable consumer until it is stopped. The client's loop neither ends nor recovers when the consumer is deleted,
 * so this class watches its status and restarts the loop. It recreates a missing consumer. It waits for a missing stream, which its
 * producer recreates.
 */
export class StreamConsumer {
  private readonly stopping = new AbortController();
  private messages: ConsumerMessages | undefined;
  private running: Promise<void> = Promise.resolve();
  private pulling = false;
  private restarts = 0;

  constructor(
    private readonly nats: Nats,
    private readonly recovery: StreamRecovery,
    private readonly definition: ConsumerDefinition,
  ) {}

  get stream(): string {
    return this.definition.stream;
  }

  /** Name of this condition in the health check. */
  get what(): string {
    return `consuming ${this.stream}`;
  }

  /** Whether it is pulling messages. */
  get alive(): boolean {
    return this.pulling;
  }

  /**
   * Changes when the connection or the consumer was lost. Earlier deliveries may belong to a lost stream, whose sequence numbers now name
   * other messages.
   */
  get generation(): string {
    return `${this.nats.generation}.${this.restarts}`;
  }

  /** Passes each message to `receive` as it arrives. The consumer's `max_ack_pending` is the only limit. */
  start(receive: (message: JsMsg) => void): void {
    this.running = this.run(receive);
  }

  /** Passes on what the broker has already sent, so that it can be released. Resolves when no further message will come. */
  async stop(): Promise<void> {
    this.stopping.abort();
    if (this.messages !== undefined) {
      await this.drain(this.messages);
      this.messages.stop();
    }
    await this.running;
  }

  /** The client's own `stop` drops messages on their way, which the broker would redeliver only after the ack wait. */
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

  /** A method and not a variable, because the value changes during an await. */
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
          logger.warn({ stream: this.stream, reason }, 'cannot consume, retrying');
        }
        lastReason = reason;
      }
      this.pulling = false;
      if (this.isStopped()) {
        // The generation stays: unacknowledged messages can still be acked or released.
        return;
      }
      this.restarts += 1;
      await sleep(RESTART_DELAY_MS);
    }
  }

  /** Returns when the loop was stopped. Throws when the consumer is missing. */
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
      await this.recovery.ensureConsumer(this.definition);
      return consumers.get(stream, durable);
    }
  }

  private async watch(messages: ConsumerMessages): Promise<void> {
    for await (const notification of messages.status()) {
      switch (notification.type) {
        case 'consumer_deleted':
        case 'consumer_not_found':
        case 'stream_not_found':
          logger.warn({ stream: this.stream, reason: notification.type }, 'the consumer is missing');
          messages.stop();
          break;
        default:
          // The other notifications are about the client's own recovery.
          break;
      }
    }
  }
}
