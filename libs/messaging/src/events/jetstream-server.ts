import type { EventEnvelope, Service } from '@rookery/contracts';
import { logger } from '@rookery/platform';
import { withJitter } from '@rookery/resilience';
import { jetstream, type JetStreamClient, type JsMsg } from '@nats-io/jetstream';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ACK_WAIT_MS,
  consumerDefinitions,
  deadLetterStreamOf,
  streamDefinitions,
  type StreamDefinition,
} from '../broker/definitions';
import { BrokerRepair } from '../broker/stream-recovery';
import { CloudEvent, contractOf, openEvent, openPassedEvent, type OpenedEvent } from './cloud-event';
import { showConsumerLag } from './consumer-lag';
import { publishDeadLetter, type DeadLetterReason } from './dead-letter';
import { JETSTREAM } from './on-event';
import { attemptEvent } from './event-attempt';
import { endsWithin, InFlight } from '../concurrency/in-flight';
import { DEFAULT_GAP_TIMEOUT_MS, defaultRetryDelaysMs, type JetStreamServerOptions } from './retry-policy';
import { KeyedQueue } from '../concurrency/keyed-queue';
import { KeyedSignal } from '../concurrency/keyed-signal';
import { headerOf } from '../message/message-context';
import type { Nats } from '../broker/nats';
import { Semaphore } from '../concurrency/semaphore';
import { StreamConsumer } from './stream-consumer';

/** A dead letter that could not be stored is tried again after this. */
const DEAD_LETTER_RETRY_MS = 2_000;

/**
 * How long after it is given back a message is delivered again: for a moment the broker still counts on the last pull of the process that
 * stops, and what goes there comes again only after `ACK_WAIT_MS`.
 */
const RELEASE_DELAY_MS = 250;

/** Least and greatest waits between two looks whether another instance has handled the predecessor, in ms. */
const earlyDelaysMs = { least: 50, greatest: 1_000 };

/** A message in hand. */
interface Delivery {
  readonly message: JsMsg;
  readonly consumer: StreamConsumer;
  /** Of the consumer when it came. */
  readonly generation: string;
}

/** What is done with a delivery. */
interface Handling {
  readonly opened: OpenedEvent;
  readonly handler: MessageHandler;
  /** Ends it when it cannot be handled. */
  readonly setAside: (reason: DeadLetterReason, attempts: number) => Promise<void>;
}

/** A message that was delivered before and is to be handled once more. */
export interface Replayable extends Pick<JsMsg, 'subject' | 'headers' | 'data'> {
  /** The stream it came from. */
  readonly stream: string;
  /** The attempt that this will be. */
  readonly attempt: number;
}

/** What came of a replay: handled, failed with the code of the failure, or unreadable as before. */
export type Replay =
  { readonly outcome: 'handled' } | { readonly outcome: 'failed' | 'unreadable'; readonly reason: string };

/**
 * Feeds the events of the consumed streams to the `@OnEvent` handlers, at least once each, those of one aggregate strictly in
 * their order, different aggregates side by side. A message is acked after its handler has resolved. Poison goes to the dead
 * letters at once, what keeps failing after the last attempt. An event without a handler is noted (`passed`), so that it is no gap. `close` finishes the handlers in hand and releases the rest.
 *
 * A failed event is tried again here, with its aggregate's later events waiting behind it, instead of `nak(delay)`: the broker
 * would hand out those later events meanwhile. Signs of work (`+WPI`) keep the broker from delivering what waits again.
 *
 * What the broker delivers again after a lost connection or process can come behind later events of its aggregate. Those the
 * handler refuses (`EVENT_TOO_EARLY`, thrown by the inbox); they wait outside the aggregate's queue until it has come.
 */
export class JetStreamServer extends Server implements CustomTransportStrategy {
  override readonly transportId = JETSTREAM;
  override readonly propagatesEventHandlerErrors = true;
  private readonly nats: Nats;
  private readonly service: Service;
  private readonly retryDelaysMs: readonly number[];
  private readonly patienceMs: number;
  private readonly graceMs: number;
  private readonly workSignalMs: number;
  private readonly jetstream: JetStreamClient;
  private readonly repair: BrokerRepair;
  private readonly deadLetters: StreamDefinition | undefined;
  private readonly consumers: readonly StreamConsumer[];
  /** Handles what has no handler: it is noted as seen, in its turn and once, like everything else. */
  private readonly pass: MessageHandler;
  private readonly aggregates = new KeyedQueue();
  private readonly concluded = new KeyedSignal();
  private readonly permits: Semaphore;
  private readonly tasks = new InFlight();
  private readonly inHand = new Map<string, Delivery>();
  private readonly closing = new AbortController();
  private heartbeat: NodeJS.Timeout | undefined;
  private stopped: Promise<unknown> = Promise.resolve();

  constructor(nats: Nats, options: JetStreamServerOptions) {
    super();
    this.nats = nats;
    this.service = options.service;
    this.pass = (event: EventEnvelope) => options.passed.pass(event);
    this.retryDelaysMs = options.retryDelaysMs ?? defaultRetryDelaysMs;
    this.patienceMs = options.patienceMs ?? DEFAULT_GAP_TIMEOUT_MS;
    this.graceMs = options.graceMs ?? 10_000;
    this.workSignalMs = options.workSignalMs ?? ACK_WAIT_MS / 4;
    this.permits = new Semaphore(options.concurrency ?? 16);
    this.jetstream = jetstream(nats.connection);
    this.repair = new BrokerRepair(nats);
    this.deadLetters = streamDefinitions.find(({ name }) => name === deadLetterStreamOf(options.service));
    const definitions = consumerDefinitions.filter(({ durable }) => durable === options.service);
    showConsumerLag(nats, definitions);
    this.consumers = definitions.map((definition) => new StreamConsumer(nats, this.repair, definition));
  }

  /** Does not wait for the streams: until they are there the health check is red and nothing is lost. */
  listen(callback: () => void): void {
    this.heartbeat = setInterval(() => this.signWork(), this.workSignalMs);
    // "None was handled" is a 0, not a missing series.
    for (const subject of this.messageHandlers.keys()) {
      const contract = contractOf(subject);
      if (contract !== undefined) this.nats.metrics.eventHandler.zero({ event: contract.name, outcome: 'ack' });
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
    if (
      !(await endsWithin(
        this.graceMs,
        finished.catch(() => undefined),
      ))
    ) {
      logger.warn({ unfinished: this.tasks.size }, 'event handlers did not end within the grace period');
    }
    clearInterval(this.heartbeat);
  }

  /** Nothing to listen to: the state of the connection is at `Nats`. */
  on(): void {}

  unwrap(): never {
    throw new Error('inject Nats instead');
  }

  /**
   * Handles a message again as a delivery would be: opened by its contract, in the queue of its aggregate, by the same handler
   * under the same event id, so that what took effect before does nothing. One attempt; never rejects.
   */
  async replay(message: Replayable): Promise<Replay> {
    const contract = contractOf(message.subject);
    if (contract === undefined) {
      return { outcome: 'unreadable', reason: 'unknown-subject' };
    }
    const handler = this.messageHandlers.get(message.subject);
    if (handler === undefined) {
      // As with a delivery: this event is no longer this service's business.
      return { outcome: 'handled' };
    }
    const opened = openEvent(contract, message);
    if ('poison' in opened) {
      return { outcome: 'unreadable', reason: opened.poison };
    }
    // An operator wants it handled now.
    const event = { ...opened.event, attempt: message.attempt, overtakes: true };
    const attempted = this.aggregates.run(`${message.stream}:${event.aggregateId}`, () =>
      this.permits.run(() => attemptEvent(this.nats.metrics, handler, message, event)),
    );
    this.tasks.add(attempted);
    const { end, code } = await attempted;
    return end === 'done' ? { outcome: 'handled' } : { outcome: 'failed', reason: code ?? 'unknown' };
  }

  private receive(message: JsMsg, consumer: StreamConsumer): void {
    const delivery = { message, consumer, generation: consumer.generation };
    const { stream, streamSequence } = message.info;
    const place = `${stream}:${streamSequence}`;
    if (this.inHand.get(place)?.generation === delivery.generation) {
      // Delivered again because this process did not run for a while (no sign of work): it is being handled already.
      return;
    }
    this.inHand.set(place, delivery);
    const aggregate = `${stream}:${headerOf(message.headers, CloudEvent.subject) ?? streamSequence}`;
    const task = this.inTurn(delivery, aggregate).finally(() => {
      if (this.inHand.get(place) === delivery) {
        this.inHand.delete(place);
      }
    });
    this.tasks.add(task);
  }

  /** Concludes a delivery in the queue of its aggregate; one that is too early leaves the queue to what it waits for. */
  private async inTurn(delivery: Delivery, aggregate: string): Promise<void> {
    // From the first time that it came too early, not from when it was queued behind others.
    let overtakesAt = Infinity;
    const attempt = async (): Promise<boolean> => {
      try {
        return await this.conclude(delivery, performance.now() >= overtakesAt);
      } catch (error) {
        // Not acked: the broker delivers it again.
        logger.error({ err: error, subject: delivery.message.subject }, 'could not conclude a message');
        return true;
      }
    };
    let delayMs = earlyDelaysMs.least;
    while (!(await this.aggregates.run(aggregate, attempt))) {
      overtakesAt = Math.min(overtakesAt, performance.now() + this.patienceMs);
      await this.concluded.next(aggregate, withJitter(delayMs), this.closing.signal);
      delayMs = Math.min(2 * delayMs, earlyDelaysMs.greatest);
    }
    this.concluded.ring(aggregate);
  }

  /** Returns false when the event is too early and shall be tried again. */
  private async conclude(delivery: Delivery, overtakes: boolean): Promise<boolean> {
    const { message } = delivery;
    const contract = contractOf(message.subject);
    if (contract === undefined) {
      await this.bury(delivery, 'unknown-subject', 0);
      return true;
    }
    const handler = this.messageHandlers.get(message.subject);
    // The consumer is given the whole stream: what this service does not handle is another's business, and never its dead letter.
    const handling: Handling =
      handler === undefined
        ? {
            opened: openPassedEvent(contract, message),
            handler: this.pass,
            setAside: (...why) => this.leave(delivery, ...why),
          }
        : { opened: openEvent(contract, message), handler, setAside: (...why) => this.bury(delivery, ...why) };
    return this.handle(delivery, handling, overtakes);
  }

  private async handle(
    delivery: Delivery,
    { opened, handler, setAside }: Handling,
    overtakes: boolean,
  ): Promise<boolean> {
    const { message } = delivery;
    if ('poison' in opened) {
      await setAside(opened.poison, 0);
      return true;
    }
    // What came before the connection was lost is still handled once, unacked: a later event of its aggregate may come over the
    // new connection before the broker delivers this one again, and need not wait for it.
    for (let failures = 0; this.mayGoOn(delivery) || (failures === 0 && !this.closing.signal.aborted);) {
      const event = { ...opened.event, attempt: message.info.deliveryCount + failures, overtakes };
      if (overtakes && failures === 0) {
        const { id, name, aggregateId, sequence } = event;
        logger.warn(
          { event: name, id, aggregateId, sequence },
          'the event before it did not come, it is handled without',
        );
      }
      // Hundreds may wait here under load: a process that stops finishes what has begun and leaves these to the next one.
      const attempt = await this.permits.run(async () =>
        this.closing.signal.aborted ? undefined : attemptEvent(this.nats.metrics, handler, message, event),
      );
      if (attempt === undefined) break;
      const { end } = attempt;
      if (end === 'done') {
        this.ack(delivery);
        return true;
      }
      if (end === 'too-early' && this.mayGoOn(delivery)) {
        return false;
      }
      if (end === 'failed-for-good') {
        await setAside('permanent-failure', event.attempt);
        return true;
      }
      const delayMs = this.retryDelaysMs[failures];
      if (delayMs === undefined) {
        await setAside('attempts-exhausted', event.attempt);
        return true;
      }
      failures += 1;
      await this.pause(withJitter(delayMs));
    }
    await this.release(delivery);
    return true;
  }

  /** Without its note the next event of the aggregate waits out its patience, and nothing else is lost. */
  private async leave(delivery: Delivery, reason: DeadLetterReason, attempts: number): Promise<void> {
    if (attempts > 0) {
      logger.warn({ subject: delivery.message.subject, reason }, 'could not note an event that is not handled here');
    }
    this.ack(delivery);
  }

  /** Stores a dead letter, for as long as that takes, and only then acks the message. */
  private async bury(delivery: Delivery, reason: DeadLetterReason, attempts: number): Promise<void> {
    const { message } = delivery;
    while (this.mayGoOn(delivery)) {
      try {
        await this.repair.storing(this.deadLetters, () =>
          publishDeadLetter(this.jetstream, this.service, message, { reason, attempts }),
        );
        this.ack(delivery);
        this.nats.metrics.deadLetters.inc({ consumer: this.service, reason });
        const { stream, streamSequence } = message.info;
        logger.error({ subject: message.subject, stream, streamSequence, reason, attempts }, 'dead letter');
        return;
      } catch (error) {
        logger.error({ err: error, subject: message.subject }, 'could not store a dead letter, trying again');
        await this.pause(DEAD_LETTER_RETRY_MS);
      }
    }
    await this.release(delivery);
  }

  /**
   * After the loss of connection or consumer nothing is acked that came before it: should the broker have lost its store, the
   * same numbers name other messages now. What was handled comes again and the inbox knows it.
   */
  private isCurrent({ consumer, generation }: Delivery): boolean {
    return generation === consumer.generation;
  }

  private mayGoOn(delivery: Delivery): boolean {
    return this.isCurrent(delivery) && !this.closing.signal.aborted;
  }

  private ack(delivery: Delivery): void {
    if (this.isCurrent(delivery)) {
      delivery.message.ack();
    }
  }

  /** Gives a message back, so that another instance need not wait for `ack_wait`; not before this one asks for no more, or it gets it again. */
  private async release(delivery: Delivery): Promise<void> {
    await this.stopped;
    if (this.isCurrent(delivery)) {
      delivery.message.nak(RELEASE_DELAY_MS);
    }
  }

  private signWork(): void {
    for (const delivery of this.inHand.values()) {
      if (this.isCurrent(delivery)) {
        delivery.message.working();
      }
    }
  }

  /** Ends early when the server closes. */
  private async pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.closing.signal }).catch(() => undefined);
  }
}
