import type { JsMsg } from '@nats-io/jetstream';
import { type CustomTransportStrategy, Server } from '@nestjs/microservices';
import { logger } from '@rookery/platform';
import { ACK_WAIT_MS, consumerDefinitions } from '../broker/definitions';
import type { Nats } from '../broker/nats';
import { StreamRecovery } from '../broker/stream-recovery';
import { endsWithin, InFlight } from '../concurrency/in-flight';
import { KeyedQueue } from '../concurrency/keyed-queue';
import { headerOf } from '../message/message-context';
import { CloudEvent, contractOf, openEvent } from './cloud-event';
import { showConsumerLag } from './consumer-lag';
import { type Delivery, DeliveryProcessor, isCurrent } from './delivery-processor';
import { GapWait } from './gap-wait';
import { DEFAULT_GAP_TIMEOUT_MS, DEFAULT_RETRY_DELAYS_MS, type JetStreamServerOptions } from './jetstream-options';
import { JETSTREAM } from './on-event';
import { StreamConsumer } from './stream-consumer';

/** A message that was delivered before and is to be handled again. */
export interface Replayable extends Pick<JsMsg, 'subject' | 'headers' | 'data'> {
  /** The stream of its first delivery. */
  readonly stream: string;
  /** Number of the attempt that the replay makes. */
  readonly attempt: number;
}

/** Result of a replay: handled, failed with the code of the failure, or still unreadable. */
export type Replay =
  { readonly outcome: 'handled' } | { readonly outcome: 'failed' | 'unreadable'; readonly reason: string };

/**
 * Delivers the events of the consumed streams to the `@OnEvent` handlers, at least once each: those of one aggregate strictly in order, those of
 * different aggregates concurrently. A message is acked after its handler has resolved. An unreadable message becomes a dead letter at
 * once, a failing one after the last attempt. An event without handler is recorded (`passed`), so that it leaves no gap. `close` finishes
 * the running handlers and releases the other messages.
 *
 * A failed event is retried in this process while the later events of its aggregate wait behind it. With `nak(delay)` the broker would
 * deliver those later events first. Progress signals (`+WPI`) keep the broker from redelivering the waiting messages.
 *
 * After a lost connection or process the broker can redeliver an event behind later events of its aggregate. The handler rejects those
 * (`EVENT_TOO_EARLY`, thrown by the inbox), and they wait outside the aggregate's queue for their predecessor (`GapWait`).
 */
export class JetStreamServer extends Server implements CustomTransportStrategy {
  override readonly transportId = JETSTREAM;
  override readonly propagatesEventHandlerErrors = true;
  private readonly nats: Nats;
  private readonly graceMs: number;
  private readonly progressIntervalMs: number;
  private readonly consumers: readonly StreamConsumer[];
  private readonly aggregates = new KeyedQueue();
  private readonly tasks = new InFlight();
  private readonly unacked = new Map<string, Delivery>();
  private readonly closing = new AbortController();
  private readonly gapWait: GapWait;
  private readonly processor: DeliveryProcessor;
  private heartbeat: NodeJS.Timeout | undefined;
  private stopped: Promise<unknown> = Promise.resolve();

  constructor(nats: Nats, options: JetStreamServerOptions) {
    super();
    const { service, passed } = options;
    this.nats = nats;
    this.graceMs = options.graceMs ?? 10_000;
    this.progressIntervalMs = options.progressIntervalMs ?? ACK_WAIT_MS / 4;
    const recovery = new StreamRecovery(nats);
    const definitions = consumerDefinitions.filter(({ durable }) => durable === service);
    showConsumerLag(nats, definitions);
    this.consumers = definitions.map((definition) => new StreamConsumer(nats, recovery, definition));
    this.gapWait = new GapWait(options.gapTimeoutMs ?? DEFAULT_GAP_TIMEOUT_MS, this.closing.signal);
    this.processor = new DeliveryProcessor(nats, recovery, {
      service,
      passed,
      concurrency: options.concurrency ?? 64,
      retryDelaysMs: options.retryDelaysMs ?? DEFAULT_RETRY_DELAYS_MS,
      handlerOf: (subject) => this.messageHandlers.get(subject),
      closing: this.closing.signal,
      stopped: () => this.stopped,
    });
  }

  /** Does not wait for the streams. Until they exist the health check fails, and no event is lost. */
  listen(callback: () => void): void {
    this.heartbeat = setInterval(() => this.signalProgress(), this.progressIntervalMs);
    // "None handled" is a 0 and not a missing series.
    for (const subject of this.messageHandlers.keys()) {
      const contract = contractOf(subject);
      if (contract !== undefined) {
        this.nats.metrics.eventHandler.zero({ event: contract.name, outcome: 'ack' });
      }
    }
    for (const consumer of this.consumers) {
      this.nats.dependOn(consumer);
      consumer.start((message) => this.receive(message, consumer));
    }
    callback();
  }

  async close(): Promise<void> {
    this.stopped = Promise.all(this.consumers.map((consumer) => consumer.stop()));
    this.closing.abort();
    const finished = this.stopped.then(async () => {
      await this.tasks.settled();
      await this.nats.connection.flush();
    });
    const clean = await endsWithin(
      this.graceMs,
      finished.catch(() => undefined),
    );
    if (!clean) {
      logger.warn({ unfinished: this.tasks.size }, 'event handlers did not end within the grace period');
    }
    clearInterval(this.heartbeat);
  }

  /** `Nats` reports the state of the connection. */
  on(): void {}

  unwrap(): never {
    throw new Error('inject Nats instead');
  }

  /**
   * Handles a message again like a delivery: validated by its contract, in the queue of its aggregate, by the same handler and under the
   * same event id, so that an event that took effect has no second effect. Makes one attempt. Never rejects.
   */
  async replay(message: Replayable): Promise<Replay> {
    const contract = contractOf(message.subject);
    if (contract === undefined) {
      return { outcome: 'unreadable', reason: 'unknown-subject' };
    }
    const handler = this.messageHandlers.get(message.subject);
    if (handler === undefined) {
      // As with a delivery: this event no longer concerns this service.
      return { outcome: 'handled' };
    }
    const opened = openEvent(contract, message);
    if ('poison' in opened) {
      return { outcome: 'unreadable', reason: opened.poison };
    }
    // The operator asks for this event now, with or without its predecessor.
    const event = { ...opened.event, attempt: message.attempt, skipsGap: true };
    const attempted = this.aggregates.run(`${message.stream}:${event.aggregateId}`, () =>
      this.processor.attempt(handler, message, event),
    );
    this.tasks.add(attempted);
    const { end, code } = await attempted;
    return end === 'done' ? { outcome: 'handled' } : { outcome: 'failed', reason: code ?? 'unknown' };
  }

  private receive(message: JsMsg, consumer: StreamConsumer): void {
    const delivery = { message, consumer, generation: consumer.generation };
    const { stream, streamSequence } = message.info;
    const position = `${stream}:${streamSequence}`;
    if (this.unacked.get(position)?.generation === delivery.generation) {
      // Redelivered because this process was suspended and sent no progress signal: its handling goes on.
      return;
    }
    this.unacked.set(position, delivery);
    const aggregate = `${stream}:${headerOf(message.headers, CloudEvent.subject) ?? streamSequence}`;
    const task = this.processInOrder(delivery, aggregate).finally(() => {
      if (this.unacked.get(position) === delivery) {
        this.unacked.delete(position);
      }
    });
    this.tasks.add(task);
  }

  /** Processes a delivery in the queue of its aggregate. An early one leaves the queue to its predecessor. */
  private processInOrder(delivery: Delivery, aggregate: string): Promise<void> {
    const process = async (skipsGap: boolean): Promise<boolean> => {
      try {
        return await this.processor.processDelivery(delivery, skipsGap);
      } catch (error) {
        // Without an ack the broker redelivers it.
        logger.error({ err: error, subject: delivery.message.subject }, 'could not process a message');
        return true;
      }
    };
    return this.gapWait.untilProcessed(aggregate, (skipsGap) =>
      this.aggregates.run(aggregate, () => process(skipsGap())),
    );
  }

  private signalProgress(): void {
    for (const delivery of this.unacked.values()) {
      if (isCurrent(delivery)) {
        delivery.message.working();
      }
    }
  }
}
