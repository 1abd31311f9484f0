import { JetStreamApiCodes, jetstreamManager, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';
import { RequestError } from '@nats-io/nats-core';
import { logger } from '@rookery/platform';
import type { ConsumerDefinition, StreamDefinition } from './definitions';
import type { Nats } from './nats';
import { createConsumer, createStream, isApiError } from './provisioning';

const API_TIMEOUT_MS = 2_000;
/** How soon a lost stream is noticed while nothing is published to it. */
const CHECK_EVERY_MS = 1_000;
/** The stream exists with another configuration, which an operator chose: it stays. */
const STREAM_NAME_IN_USE = 10_058;
/** The same for a consumer. Servers before 2.10 update the consumer instead. */
const CONSUMER_EXISTS = 10_148;

/**
 * Recreates from their definitions what the broker lost of this service: its stream, its consumers and its dead-letter stream. The
 * permissions of its user cover no more. The streams of other services are recreated by those services.
 */
export class StreamRecovery {
  private readonly running = new Map<string, Promise<void>>();

  constructor(private readonly nats: Nats) {}

  /** Creates the stream unless it exists. */
  ensureStream(definition: StreamDefinition): Promise<void> {
    return this.once(definition.name, async (manager) => {
      try {
        await createStream(manager, definition);
      } catch (error) {
        if (!isApiError(error, STREAM_NAME_IN_USE)) {
          throw error;
        }
      }
    });
  }

  /**
   * Creates the consumer unless it exists.
   * @throws {JetStreamApiError} when its stream is missing
   */
  ensureConsumer(definition: ConsumerDefinition): Promise<void> {
    const { stream, durable } = definition;
    return this.once(`${stream}/${durable}`, async (manager) => {
      try {
        await createConsumer(manager, definition);
      } catch (error) {
        if (!isApiError(error, CONSUMER_EXISTS)) {
          throw error;
        }
      }
    });
  }

  /** Publishes to the stream. When the stream is missing, recreates it and publishes once more. */
  async publishOrRecreate<T>(definition: StreamDefinition | undefined, publish: () => Promise<T>): Promise<T> {
    try {
      return await publish();
    } catch (error) {
      if (definition === undefined || !isWithoutStream(error)) {
        throw error;
      }
      await this.ensureStream(definition);
      return publish();
    }
  }

  /** Once a second, until the connection closes, recreates the stream if it is missing or reports its state. */
  watch(definition: StreamDefinition, report: (stream: StreamInfo) => void): void {
    let checking = false;
    const timer = setInterval(() => {
      if (checking || !this.nats.connected) {
        return;
      }
      checking = true;
      void this.check(definition, report).finally(() => (checking = false));
    }, CHECK_EVERY_MS).unref();
    void this.nats.connection.closed().finally(() => clearInterval(timer));
  }

  /** Never rejects: after a failure the next check answers. */
  private async check(definition: StreamDefinition, report: (stream: StreamInfo) => void): Promise<void> {
    try {
      const manager = await this.manager();
      report(await manager.streams.info(definition.name));
    } catch (error) {
      if (isApiError(error, JetStreamApiCodes.StreamNotFound)) {
        await this.ensureStream(definition).catch(() => undefined);
      }
    }
  }

  /** Concurrent calls for the same stream or consumer share one attempt. */
  private async once(what: string, create: (manager: JetStreamManager) => Promise<void>): Promise<void> {
    const running = this.running.get(what);
    if (running !== undefined) {
      return running;
    }
    const creating = this.recreate(what, create).finally(() => this.running.delete(what));
    this.running.set(what, creating);
    return creating;
  }

  private async recreate(what: string, create: (manager: JetStreamManager) => Promise<void>): Promise<void> {
    try {
      await create(await this.manager());
      logger.warn({ what }, 'recreated what the broker had lost');
    } catch (error) {
      logger.error({ err: error, what }, 'could not recreate what the broker lost');
      throw error;
    }
  }

  /** The client's default check of the account is skipped, because its user lacks that permission. */
  private manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.nats.connection, { checkAPI: false, timeout: API_TIMEOUT_MS });
  }
}

/** The client reports a subject without a stream as "jetstream is not enabled"; only the cause tells the two apart. */
const isWithoutStream = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof RequestError && error.cause.isNoResponders();
