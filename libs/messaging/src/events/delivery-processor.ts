import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream, type JetStreamClient, type JsMsg } from '@nats-io/jetstream';
import type { MessageHandler } from '@nestjs/microservices';
import type { EventEnvelope, EventMessage, Service } from '@rookery/contracts';
import { logger, type Metrics, type PassedEvents, withJitter } from '@rookery/platform';
import { deadLetterStreamOf, type StreamDefinition, streamDefinitions } from '../broker/definitions';
import type { Nats } from '../broker/nats';
import type { StreamRecovery } from '../broker/stream-recovery';
import { Semaphore } from '../concurrency/semaphore';
import { contractOf, type OpenedEvent, openEvent, openPassedEvent } from './cloud-event';
import { type DeadLetterReason, publishDeadLetter } from './dead-letter';
import { type Attempt, attemptEvent } from './event-attempt';
import type { StreamConsumer } from './stream-consumer';

/** Wait before the next attempt to store a dead letter. */
const DEAD_LETTER_RETRY_MS = 2_000;

/**
 * Delay of the redelivery of a released message. For a moment the broker still serves the last pull of the stopping process; a message
 * delivered to that pull comes again only after `ACK_WAIT_MS`.
 */
const RELEASE_DELAY_MS = 250;

/** An unacknowledged message. */
export interface Delivery {
  readonly message: JsMsg;
  readonly consumer: StreamConsumer;
  /** Generation of the consumer at the arrival of the message. */
  readonly generation: string;
}

/** How a delivery is handled. */
interface Handling {
  readonly opened: OpenedEvent;
  readonly handler: MessageHandler;
  /** Ends a delivery that cannot be handled. */
  readonly giveUp: (reason: DeadLetterReason, attempts: number) => Promise<void>;
}

/** Settings of a `DeliveryProcessor`. */
export interface ProcessorOptions {
  readonly service: Service;
  readonly passed: PassedEvents;
  readonly concurrency: number;
  readonly retryDelaysMs: readonly number[];
  /** Finds the handler of a subject. */
  readonly handlerOf: (subject: string) => MessageHandler | undefined;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
  /** Resolves when the consumers have stopped pulling. Only meaningful while closing. */
  readonly stopped: () => Promise<unknown>;
}

/** Takes one delivery to its end: an ack, a dead letter, a release, or the decision that it is too early. */
export class DeliveryProcessor {
  private readonly jetstream: JetStreamClient;
  private readonly deadLetters: StreamDefinition | undefined;
  private readonly permits: Semaphore;
  private readonly metrics: Metrics;
  /** Records an event without handler as seen, in order and once, like a handler. */
  private readonly pass: MessageHandler;

  constructor(
    nats: Nats,
    private readonly recovery: StreamRecovery,
    private readonly options: ProcessorOptions,
  ) {
    this.metrics = nats.metrics;
    this.jetstream = jetstream(nats.connection);
    this.deadLetters = streamDefinitions.find(({ name }) => name === deadLetterStreamOf(options.service));
    this.permits = new Semaphore(options.concurrency);
    this.pass = (event: EventEnvelope) => options.passed.pass(event);
  }

  /** Runs one attempt under the concurrency limit. */
  attempt(
    handler: MessageHandler,
    message: Pick<JsMsg, 'subject' | 'headers'>,
    event: EventEnvelope,
  ): Promise<Attempt> {
    return this.permits.run(() => attemptEvent(this.metrics, handler, message, event));
  }

  /** @returns false when the event is too early and has to be tried again */
  async processDelivery(delivery: Delivery, skipsGap: boolean): Promise<boolean> {
    const { message } = delivery;
    const contract = contractOf(message.subject);
    if (contract === undefined) {
      await this.deadLetter(delivery, 'unknown-subject', 0);
      return true;
    }
    const handler = this.options.handlerOf(message.subject);
    // The consumer receives the whole stream. An event without handler concerns other services and never becomes a dead letter here.
    const handling: Handling =
      handler === undefined
        ? {
            opened: openPassedEvent(contract, message),
            handler: this.pass,
            giveUp: (...why) => this.skip(delivery, ...why),
          }
        : { opened: openEvent(contract, message), handler, giveUp: (...why) => this.deadLetter(delivery, ...why) };
    if ('poison' in handling.opened) {
      await handling.giveUp(handling.opened.poison, 0);
      return true;
    }
    return this.handle(delivery, handling.opened.event, handling, skipsGap);
  }

  private async handle(
    delivery: Delivery,
    opened: EventMessage,
    { handler, giveUp }: Handling,
    skipsGap: boolean,
  ): Promise<boolean> {
    const { message } = delivery;
    if (skipsGap && this.mayStart(delivery, 0)) {
      const { id, name, aggregateId, sequence } = opened;
      logger.warn({ event: name, id, aggregateId, sequence }, 'handling an event without its missing predecessor');
    }
    for (let failures = 0; this.mayStart(delivery, failures); failures += 1) {
      const event = { ...opened, attempt: message.info.deliveryCount + failures, skipsGap };
      const end = await this.attemptUnlessClosing(handler, message, event);
      if (end === undefined) {
        break;
      }
      if (end === 'done') {
        this.ack(delivery);
        return true;
      }
      if (end === 'too-early' && this.mayContinue(delivery)) {
        return false;
      }
      const delayMs = this.options.retryDelaysMs[failures];
      if (end === 'failed-for-good' || delayMs === undefined) {
        await giveUp(end === 'failed-for-good' ? 'permanent-failure' : 'attempts-exhausted', event.attempt);
        return true;
      }
      await this.pause(withJitter(delayMs));
    }
    await this.release(delivery);
    return true;
  }

  /** Under load hundreds of events wait for a permit. A closing process finishes what has begun and leaves these to the next one. */
  private attemptUnlessClosing(
    handler: MessageHandler,
    message: JsMsg,
    event: EventEnvelope,
  ): Promise<Attempt['end'] | undefined> {
    return this.permits.run(async () => {
      if (this.options.closing.aborted) {
        return undefined;
      }
      return (await attemptEvent(this.metrics, handler, message, event)).end;
    });
  }

  /** Without its record the next event of the aggregate waits for the gap timeout. Nothing else is lost. */
  private async skip(delivery: Delivery, reason: DeadLetterReason, attempts: number): Promise<void> {
    if (attempts > 0) {
      logger.warn({ subject: delivery.message.subject, reason }, 'could not record an event that has no handler here');
    }
    this.ack(delivery);
  }

  /** Stores a dead letter, with retries until it is stored, and only then acks the message. */
  private async deadLetter(delivery: Delivery, reason: DeadLetterReason, attempts: number): Promise<void> {
    const { message } = delivery;
    const { service } = this.options;
    while (this.mayContinue(delivery)) {
      try {
        await this.recovery.publishOrRecreate(this.deadLetters, () =>
          publishDeadLetter(this.jetstream, service, message, { reason, attempts }),
        );
        this.ack(delivery);
        this.metrics.deadLetters.inc({ consumer: service, reason });
        const { stream, streamSequence } = message.info;
        logger.error({ subject: message.subject, stream, streamSequence, reason, attempts }, 'dead letter');
        return;
      } catch (error) {
        logger.error({ err: error, subject: message.subject }, 'could not store a dead letter, retrying');
        await this.pause(DEAD_LETTER_RETRY_MS);
      }
    }
    await this.release(delivery);
  }

  /**
   * An event that arrived before the connection was lost is still handled once, without an ack. A later event of its aggregate may arrive
   * over the new connection before the broker redelivers this one, and then need not wait for it.
   */
  private mayStart(delivery: Delivery, failures: number): boolean {
    return this.mayContinue(delivery) || (failures === 0 && !this.options.closing.aborted);
  }

  private mayContinue(delivery: Delivery): boolean {
    return isCurrent(delivery) && !this.options.closing.aborted;
  }

  private ack(delivery: Delivery): void {
    if (isCurrent(delivery)) {
      delivery.message.ack();
    }
  }

  /** Returns a message to the broker, so that another instance gets it before `ack_wait`. First this one stops pulling, or it would get it again. */
  private async release(delivery: Delivery): Promise<void> {
    await this.options.stopped();
    if (isCurrent(delivery)) {
      delivery.message.nak(RELEASE_DELAY_MS);
    }
  }

  /** Ends early when the server closes. */
  private async pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.options.closing }).catch(() => undefined);
  }
}

/**
 * After the loss of the connection or the consumer, earlier deliveries are not acked: if the broker lost its store, the same sequence numbers
 * name other messages now. Handled events are redelivered, and the inbox recognizes them.
 */
export const isCurrent = ({ consumer, generation }: Delivery): boolean => generation === consumer.generation;
