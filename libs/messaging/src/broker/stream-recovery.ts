import { logger } from '@rookery/platform';
import { JetStreamApiCodes, jetstreamManager, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';
import { RequestError } from '@nats-io/nats-core';
import type { ConsumerDefinition, StreamDefinition } from './definitions';
import { isApiError, makeConsumer, makeStream } from './provisioning';
import type { Nats } from './nats';

const API_TIMEOUT_MS = 2_000;
/** How soon the loss of a stream is noticed that nothing is published to. */
const CHECK_EVERY_MS = 1_000;
/** The stream is there, and an operator has set it up otherwise: theirs stays. */
const STREAM_NAME_IN_USE = 10_058;
/** The same of a consumer; servers before 2.10 bring it to what is asked instead. */
const CONSUMER_EXISTS = 10_148;

/**
 * Makes again, from their definitions, what the broker lost of a service's own: its stream, its consumers and the dead letters'
 * stream. Its user may do no more than that; what belongs to another service waits for that one.
 */
export class BrokerRepair {
  private readonly running = new Map<string, Promise<void>>();

  constructor(private readonly nats: Nats) {}

  /** Makes the stream unless it is there. */
  stream(definition: StreamDefinition): Promise<void> {
    return this.once(definition.name, async (manager) => {
      try {
        await makeStream(manager, definition);
      } catch (error) {
        if (!isApiError(error, STREAM_NAME_IN_USE)) {
          throw error;
        }
      }
    });
  }

  /** Makes the consumer unless it is there; throws when its stream is missing. */
  consumer(definition: ConsumerDefinition): Promise<void> {
    const { stream, durable } = definition;
    return this.once(`${stream}/${durable}`, async (manager) => {
      try {
        await makeConsumer(manager, definition);
      } catch (error) {
        if (!isApiError(error, CONSUMER_EXISTS)) {
          throw error;
        }
      }
    });
  }

  /** Sends what the stream shall store; when there is no such stream makes it and sends once more. */
  async storing<T>(definition: StreamDefinition | undefined, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      if (definition === undefined || !nobodyTookIt(error)) {
        throw error;
      }
      await this.stream(definition);
      return send();
    }
  }

  /** Looks once a second, until the connection closes, whether the stream is there, and says what it looks like. */
  watch(definition: StreamDefinition, seen: (stream: StreamInfo) => void): void {
    let looking = false;
    const timer = setInterval(() => {
      if (looking || !this.nats.connected) {
        return;
      }
      looking = true;
      void this.look(definition, seen).finally(() => (looking = false));
    }, CHECK_EVERY_MS).unref();
    void this.nats.connection.closed().finally(() => clearInterval(timer));
  }

  /** Never rejects: without an answer the next look tells. */
  private async look(definition: StreamDefinition, seen: (stream: StreamInfo) => void): Promise<void> {
    try {
      const manager = await this.manager();
      seen(await manager.streams.info(definition.name));
    } catch (error) {
      if (isApiError(error, JetStreamApiCodes.StreamNotFound)) {
        await this.stream(definition).catch(() => undefined);
      }
    }
  }

  /** Whoever asks while it is being made waits for that. */
  private async once(what: string, make: (manager: JetStreamManager) => Promise<void>): Promise<void> {
    const running = this.running.get(what);
    if (running !== undefined) {
      return running;
    }
    const making = this.make(what, make).finally(() => this.running.delete(what));
    this.running.set(what, making);
    return making;
  }

  private async make(what: string, make: (manager: JetStreamManager) => Promise<void>): Promise<void> {
    try {
      await make(await this.manager());
      logger.warn({ what }, 'the broker had lost what is made again now');
    } catch (error) {
      logger.error({ err: error, what }, 'could not make again what the broker lost');
      throw error;
    }
  }

  /** Asking for the account's state first, as the client does by default, is not permitted. */
  private manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.nats.connection, { checkAPI: false, timeout: API_TIMEOUT_MS });
  }
}

/** The client reports a subject without a stream as "jetstream is not enabled"; its cause tells. */
const nobodyTookIt = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof RequestError && error.cause.isNoResponders();
