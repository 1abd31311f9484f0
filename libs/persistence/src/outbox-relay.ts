import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import type { StoredEvent } from '@rookery/contracts';
import { backoff, halfJitter, logger, PollingWorker } from '@rookery/platform';
import { sessionUrlOf } from './data-source-options';
import { reasonOf } from './database-errors';
import { Outbox } from './outbox';
import { OutboxMetrics } from './outbox.metrics';
import { type PendingMessage, RelaySession } from './relay-session';
import { Retention } from './retention';

/** Destination of the relay. */
export interface OutboxPublisher {
  /** Resolves once the broker has stored the event. Rejects when it may not have. */
  publish(message: StoredEvent): Promise<void>;
}

const BATCH_SIZE = 500;
/** Aggregates whose events are published concurrently. */
const PARALLEL_AGGREGATES = 100;
/** Maximum delay until the relay notices events of another process, or a released lock. */
export const POLL_MS = 500;
const BACKOFF = { firstMs: 100, longestMs: 5_000 } as const;
const PRUNE_EVERY_MS = 3_600_000;
const PRUNE_BATCH = 1_000;

/**
 * Publishes the events of the outbox, at least once each, and those of one aggregate in order. One process per service is active at a time (a
 * session-level advisory lock). When it dies, loses its connection or stalls, another one takes over. While the broker or the database is
 * down, it retries without limit. A crash between publishing and marking publishes again with the same id, which the stream and the
 * inboxes drop.
 */
@Injectable()
export class OutboxRelay implements BeforeApplicationShutdown {
  private worker: PollingWorker | undefined;
  private stopListening: (() => void) | undefined;
  private session: RelaySession | undefined;
  private nextPruneAt = 0;

  constructor(
    private readonly dataSource: DataSource,
    private readonly outbox: Outbox,
    private readonly metrics: OutboxMetrics,
  ) {}

  /** Starts publishing and returns at once. A second call has no effect. */
  start(publisher: OutboxPublisher): void {
    if (this.worker !== undefined) {
      return;
    }
    this.metrics.show();
    this.worker = new PollingWorker({
      turn: (stopping) => this.publishDue(publisher, stopping),
      pollMs: POLL_MS,
      retryMs: (failures) => halfJitter(backoff(failures, BACKOFF)),
      failed: (error) => logger.warn({ reason: reasonOf(error) }, 'cannot publish the outbox, retrying'),
      recovered: (failures) => logger.info({ failures }, 'publishing the outbox again'),
    });
    this.stopListening = this.outbox.onAppended(() => this.wake());
    this.worker.start();
  }

  /** Signals new events. Calls during a batch are combined. */
  wake(): void {
    this.worker?.wake();
  }

  /** Finishes the events on their way, leaves the rest of the batch to the next process and releases the lock. */
  async stop(): Promise<void> {
    await this.worker?.stop();
    this.stopListening?.();
    this.worker = undefined;
    await this.closeSession();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.stop();
  }

  /** @returns whether the batch was full, so that there may be more */
  private async publishDue(publisher: OutboxPublisher, stopping: AbortSignal): Promise<boolean> {
    const session = await this.livingSession();
    const full = (await session.tryToLead()) && (await this.publishBatch(session, publisher, stopping));
    if (session.leading) {
      await this.pruneWhenDue(session);
    }
    return full;
  }

  private async livingSession(): Promise<RelaySession> {
    if (this.session?.alive) {
      return this.session;
    }
    this.session = await RelaySession.connect(sessionUrlOf(this.dataSource));
    return this.session;
  }

  /**
   * @returns whether the batch was full
   * @throws {Error} the first error of an event that could not be published, after the attempts at all others
   */
  private async publishBatch(
    session: RelaySession,
    publisher: OutboxPublisher,
    stopping: AbortSignal,
  ): Promise<boolean> {
    const batch = await session.unpublished(BATCH_SIZE);
    if (batch.length === 0) {
      return false;
    }
    const aggregates = Map.groupBy(batch, ({ message }) => message.aggregateId).values();
    const published: string[] = [];
    const failures: unknown[] = [];
    const lane = async (): Promise<void> => {
      // The lanes share the iterator: each takes the next aggregate when it has finished one.
      for (const messages of aggregates) {
        try {
          for await (const position of this.publishInOrder(messages, session, publisher, stopping)) {
            published.push(position);
          }
        } catch (error) {
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_AGGREGATES }, lane));
    if (published.length > 0) {
      await session.markPublished(published);
      this.metrics.published(published.length);
    }
    if (failures.length > 0) {
      throw failures[0];
    }
    return batch.length === BATCH_SIZE;
  }

  /** Yields the position of each event once it is stored. Ends at the first failure, because later events must not overtake, and at a stop. */
  private async *publishInOrder(
    messages: readonly PendingMessage[],
    session: RelaySession,
    publisher: OutboxPublisher,
    stopping: AbortSignal,
  ): AsyncGenerator<string> {
    for (const { position, message } of messages) {
      if (stopping.aborted) {
        return;
      }
      if (!session.leading) {
        throw new Error('the database connection that holds the relay lock was lost');
      }
      await this.metrics.attempt(() => publisher.publish(message));
      yield position;
    }
  }

  private async pruneWhenDue(session: RelaySession): Promise<void> {
    if (performance.now() < this.nextPruneAt) {
      return;
    }
    const more = await session.prune(Retention.publishedHours, Retention.inboxHours, PRUNE_BATCH);
    if (!more) {
      this.nextPruneAt = performance.now() + PRUNE_EVERY_MS;
    }
  }

  private async closeSession(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    await session?.close().catch(() => undefined);
  }
}
